using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The data view types of the members of row classes.</summary>
internal static class MemberTypes
{
    public static Type TypeOf(MemberInfo member) => member is FieldInfo field ? field.FieldType : ((PropertyInfo)member).PropertyType;

    /// <summary>The item type as views hold it, and whether the type is a vector of it.</summary>
    public static Type ItemOf(Type type, out bool isVector)
    {
        isVector = type.IsArray || (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(VBuffer<>));
        var item = type.IsArray ? type.GetElementType() : isVector ? type.GetGenericArguments()[0] : type;
        return item == typeof(string) ? typeof(ReadOnlyMemory<char>) : item;
    }

    /// <summary>The same; throws where no data view type is known for the item type.</summary>
    public static Type KnownItemOf(MemberInfo member, out bool isVector)
    {
        var item = ItemOf(TypeOf(member), out isVector);
        if (!IsBuiltIn(item) && DataViewTypeManager.Find(item, member.GetCustomAttributes()) is null)
        {
            throw Contracts.ExceptParam("rawType",
                $"Could not determine an IDataView type and registered custom types for member {member.Name}");
        }
        return item;
    }

    public static bool IsBuiltIn(Type item) => DataKinds.FromRawType(item) is not null || item == typeof(DataViewRowId);

    public static PrimitiveDataViewType Primitive(Type item) =>
        item == typeof(DataViewRowId) ? RowIdDataViewType.Instance
        : DataKinds.FromRawType(item)?.ToType() ?? throw Contracts.ExceptParam(nameof(item), $"No data view type is known for '{item}'");

    /// <summary>The column type that a member with its attributes asks for.</summary>
    public static DataViewType ColumnTypeOf(MemberInfo member)
    {
        var item = KnownItemOf(member, out bool isVector);
        if (DataViewTypeManager.Find(item, member.GetCustomAttributes()) is { } registered)
            return registered;
        PrimitiveDataViewType itemType;
        if (member.GetCustomAttribute<KeyTypeAttribute>() is { } key)
        {
            if (!KeyDataViewType.IsValidDataType(item))
            {
                throw Contracts.ExceptParam("userType",
                    $"Member {member.Name} marked with KeyType attribute, but does not appear to be a valid kind of data for a key type");
            }
            itemType = new KeyDataViewType(item, key.KeyCount.Count ?? KeyDataViewType.MaxCount(item));
        }
        else
        {
            itemType = Primitive(item);
        }
        var vector = member.GetCustomAttribute<VectorTypeAttribute>();
        if (vector is not null && !isVector)
        {
            throw Contracts.ExceptParam("userType",
                $"Member {member.Name} marked with {nameof(VectorTypeAttribute)}, but does not appear to be a vector type");
        }
        if (!isVector)
            return itemType;
        return vector?.Dims is { Length: > 0 } dims ? new VectorDataViewType(itemType, dims) : new VectorDataViewType(itemType);
    }

    /// <summary>The members that are columns: public fields, then public properties; what is read must be readable, what is written writable.</summary>
    public static IEnumerable<(MemberInfo Member, string Name)> ColumnsOf(Type type, SchemaDefinition.Direction direction)
    {
        foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Instance))
        {
            if (field.FieldType != typeof(IChannel) && NameOf(field) is { } name)
                yield return (field, name);
        }
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            bool readable = property.GetMethod is { IsPublic: true, IsStatic: false };
            bool writable = property.SetMethod is { IsPublic: true, IsStatic: false };
            bool fits = direction switch
            {
                SchemaDefinition.Direction.Read => readable,
                SchemaDefinition.Direction.Write => writable,
                _ => readable && writable,
            };
            if (fits && property.GetIndexParameters().Length == 0 && property.PropertyType != typeof(IChannel) && NameOf(property) is { } name)
                yield return (property, name);
        }
    }

    private static string NameOf(MemberInfo member)
    {
        if (member.GetCustomAttribute<NoColumnAttribute>() is not null)
            return null;
        return member.GetCustomAttribute<ColumnNameAttribute>()?.Name is { Length: > 0 } name ? name : member.Name;
    }
}
