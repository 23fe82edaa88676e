using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The columns that the attributes of a row class ask for.</summary>
internal static class TypedColumns
{
    public static TextLoader.Column[] Of(Type type)
    {
        var members = type.GetFields(BindingFlags.Public | BindingFlags.Instance).Cast<MemberInfo>()
            .Concat(type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.GetGetMethod() is not null && p.GetIndexParameters().Length == 0))
            .ToArray();
        if (members.Length == 0)
            throw Contracts.ExceptParam("TInput", "Should define at least one public, readable field or property in TInput.");
        return members.Select(ColumnOf).ToArray();
    }

    private static TextLoader.Column ColumnOf(MemberInfo member)
    {
        string role = member is FieldInfo ? "Field" : "Property";
        var load = member.GetCustomAttribute<LoadColumnAttribute>()
            ?? throw Contracts.Except($"{role} '{member.Name}' is missing the {nameof(LoadColumnAttribute)} attribute");
        var type = MemberTypes.TypeOf(member);
        var kind = DataKinds.FromRawType(type.IsArray ? type.GetElementType() : type)
            ?? throw Contracts.Except($"{role} {member.Name} is of unsupported type.");
        return new TextLoader.Column
        {
            Name = member.GetCustomAttribute<ColumnNameAttribute>()?.Name ?? member.Name,
            Source = load.Sources.ToArray(),
            KeyCount = member.GetCustomAttribute<KeyTypeAttribute>()?.KeyCount,
            DataKind = kind,
        };
    }
}
