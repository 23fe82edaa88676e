using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Which .NET types stand for which data view types beyond the built-in ones.</summary>
public static class DataViewTypeManager
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<(Type Type, DataViewTypeAttribute Attribute), DataViewType> Types = [];
    private static readonly Dictionary<DataViewType, (Type Type, DataViewTypeAttribute Attribute)> Raw = [];

    public static void Register(DataViewType dataViewType, Type type, DataViewTypeAttribute typeAttribute = null)
    {
        Contracts.CheckValue(dataViewType, nameof(dataViewType));
        Contracts.CheckValue(type, nameof(type));
        var key = (type, typeAttribute);
        lock (Gate)
        {
            if (DataKinds.FromRawType(type) is not null)
                throw Contracts.ExceptParam(nameof(type), $"Type {type} has been registered as ML.NET's default supported type, so it can't not be registered again.");
            if (Types.TryGetValue(key, out var known) && Raw.TryGetValue(dataViewType, out var raw))
            {
                if (!known.Equals(dataViewType) || !raw.Equals(key))
                    throw Contracts.ExceptParam(nameof(type), $"Repeated type register. The raw type {type} has been associated with {known}.");
                return;
            }
            if (Types.TryGetValue(key, out known))
                throw Contracts.ExceptParam(nameof(type), $"Repeated type register. The raw type {type} has been associated with {known} but the caller wants to register it with {dataViewType}.");
            if (Raw.ContainsKey(dataViewType))
                throw Contracts.ExceptParam(nameof(dataViewType), $"Repeated type register. The {dataViewType} has been associated with another raw type.");
            Types.Add(key, dataViewType);
            Raw.Add(dataViewType, key);
        }
    }

    /// <summary>The data view type of a .NET type with these attributes, or null.</summary>
    internal static DataViewType Find(Type type, IEnumerable<Attribute> attributes)
    {
        var attribute = attributes?.OfType<DataViewTypeAttribute>().FirstOrDefault();
        attribute?.Register();
        lock (Gate)
            return Types.GetValueOrDefault((type, attribute)) ?? Types.GetValueOrDefault((type, null));
    }
}
