using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The members of a row class bound to columns: checked definition, ready to be read or written.</summary>
internal sealed class RowClass
{
    public sealed record Column(string Name, DataViewType Type, MemberInfo Member, DataViewSchema.Annotations Annotations);

    private RowClass(Column[] columns) => Columns = columns;

    public Column[] Columns { get; }

    public static RowClass Create(Type type, SchemaDefinition definition, SchemaDefinition.Direction direction)
    {
        definition ??= SchemaDefinition.Create(type, direction);
        const string Param = "userSchemaDefinition";
        var columns = new List<Column>();
        foreach (var column in definition)
        {
            if (column.MemberName is null)
                throw Contracts.ExceptParam(Param, "Null field name detected in schema definition");
            var member = (MemberInfo)type.GetField(column.MemberName) ?? type.GetProperty(column.MemberName)
                ?? throw Contracts.ExceptParam(Param, $"No field or property with name '{column.MemberName}' found in type '{type.FullName}'");
            if (MemberTypes.TypeOf(member) == typeof(IChannel))
                continue;
            var item = MemberTypes.KnownItemOf(member, out bool isVector);
            string name = string.IsNullOrEmpty(column.ColumnName) ? column.MemberName : column.ColumnName;
            columns.Add(new Column(name, Checked(column, name, item, isVector), member, column.Annotations));
        }
        return new RowClass(columns.ToArray());
    }

    private static DataViewType Checked(SchemaDefinition.Column column, string name, Type item, bool isVector)
    {
        if (column.ColumnType is null)
            return isVector ? new VectorDataViewType(MemberTypes.Primitive(item)) : MemberTypes.Primitive(item);
        const string Param = "userSchemaDefinition";
        var vector = column.ColumnType as VectorDataViewType;
        if (isVector != (vector is not null))
        {
            throw Contracts.ExceptParam(Param, $"Column '{name}' is supposed to be {(vector is not null ? "vector" : "scalar")}, "
                + $"but type of associated field '{column.MemberName}' is {(isVector ? "vector" : "scalar")}");
        }
        var itemType = vector?.ItemType ?? column.ColumnType;
        if (itemType.RawType != item)
            throw Contracts.ExceptParam(Param, $"Column '{name}' is supposed to have item type {itemType.RawType}, but associated field has type {item}");
        return column.ColumnType;
    }

    public DataViewSchema.DetachedColumn[] Detached() =>
        Columns.Select(c => new DataViewSchema.DetachedColumn(c.Name, c.Type, c.Annotations)).ToArray();

    public DataViewSchema Schema()
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(Detached());
        return builder.ToSchema();
    }
}
