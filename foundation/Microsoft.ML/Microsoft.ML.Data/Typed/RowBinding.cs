using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The members of a row class bound to the columns of a schema, to be filled from rows.</summary>
internal sealed class RowBinding<TRow> where TRow : class
{
    private readonly (DataViewSchema.Column Column, MemberInfo Member)[] _pairs;

    private RowBinding((DataViewSchema.Column, MemberInfo)[] pairs) => _pairs = pairs;

    public IEnumerable<DataViewSchema.Column> Columns => _pairs.Select(p => p.Column);

    public static RowBinding<TRow> Create(DataViewSchema schema, bool ignoreMissingColumns, SchemaDefinition definition)
    {
        if (definition is null)
        {
            foreach (var member in MembersThatMayLackAType())
                CheckType(member, schema);
        }
        var pairs = new List<(DataViewSchema.Column, MemberInfo)>();
        foreach (var column in RowClass.Create(typeof(TRow), definition, SchemaDefinition.Direction.Write).Columns)
        {
            if (schema.GetColumnOrNull(column.Name) is not { } found)
            {
                if (ignoreMissingColumns)
                    continue;
                throw Contracts.ExceptSchemaMismatch("Schema", "", column.Name);
            }
            var item = MemberTypes.ItemOf(MemberTypes.TypeOf(column.Member), out bool isVector);
            bool fits = found.Type is VectorDataViewType vector ? isVector && vector.ItemType.RawType == item : !isVector && found.Type.RawType == item;
            if (!fits)
            {
                throw Contracts.Except($"Can't bind the IDataView column '{column.Name}' of type '{found.Type}' to field or property "
                    + $"'{column.Member.Name}' of type '{MemberTypes.TypeOf(column.Member).FullName}'.");
            }
            pairs.Add((found, column.Member));
        }
        return new RowBinding<TRow>(pairs.ToArray());
    }

    private static IEnumerable<MemberInfo> MembersThatMayLackAType() =>
        MemberTypes.ColumnsOf(typeof(TRow), SchemaDefinition.Direction.Write).Select(c => c.Member);

    /// <summary>A member of a type that no column can have is told with the type its column has.</summary>
    private static void CheckType(MemberInfo member, DataViewSchema schema)
    {
        var item = MemberTypes.ItemOf(MemberTypes.TypeOf(member), out _);
        if (MemberTypes.IsBuiltIn(item) || DataViewTypeManager.Find(item, member.GetCustomAttributes()) is not null)
            return;
        string name = member.GetCustomAttribute<ColumnNameAttribute>()?.Name ?? member.Name;
        if (schema.GetColumnOrNull(name)?.Type.RawType is { } expected && item != expected)
        {
            throw Contracts.ExceptParam("actualType", $"The expected type '{expected}' does not match the type of the '{name}' member: "
                + $"'{item}'. Please change the {name} member to '{expected}'");
        }
    }

    /// <summary>The action that fills an object from the row's current values.</summary>
    public Action<TRow> CreateFill(DataViewRow row)
    {
        var pokes = _pairs.Select(p => Pokes.Create<TRow>(row, p.Column, p.Member)).ToArray();
        return target =>
        {
            foreach (var poke in pokes)
                poke(target);
        };
    }
}
