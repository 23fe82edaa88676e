using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Schema;

/// <summary>Finds the columns that a component reads, in data or in the shape of data, and says what is wrong with them.</summary>
internal static class ColumnChecks
{
    public static DataViewSchema.Column Text(DataViewSchema schema, string name)
    {
        var column = Find(schema, name, "Input");
        return column.Type is TextDataViewType ? column : throw NotText(name, column.Type.ToString()!);
    }

    /// <summary>Paths or bytes of files.</summary>
    public static DataViewSchema.Column Image(DataViewSchema schema, string name)
    {
        var column = Find(schema, name, "Input");
        return column.Type is TextDataViewType || (column.Type is VectorDataViewType { ItemType: NumberDataViewType { RawType: var item } } && item == typeof(byte))
            ? column
            : throw NotImage(name, column.Type.ToString()!);
    }

    public static void Image(SchemaShape shape, string name)
    {
        var column = Find(shape, name, "Input");
        var isPath = column.Kind == SchemaShape.Column.VectorKind.Scalar && column.ItemType is TextDataViewType;
        if (!isPath && (column.Kind == SchemaShape.Column.VectorKind.Scalar || column.ItemType.RawType != typeof(byte)))
        {
            throw NotImage(name, Describe(column));
        }
    }

    public static DataViewSchema.Column Key(DataViewSchema schema, string name)
    {
        var column = Find(schema, name, "Label");
        return column.Type is KeyDataViewType ? column : throw NotKey(name, column.Type.ToString()!);
    }

    public static void Text(SchemaShape shape, string name)
    {
        var column = Find(shape, name, "Input");
        if (column.Kind != SchemaShape.Column.VectorKind.Scalar || column.ItemType is not TextDataViewType)
        {
            throw NotText(name, Describe(column));
        }
    }

    public static SchemaShape.Column Key(SchemaShape shape, string name)
    {
        var column = Find(shape, name, "Label");
        return column.IsKey && column.Kind == SchemaShape.Column.VectorKind.Scalar ? column : throw NotKey(name, Describe(column));
    }

    private static DataViewSchema.Column Find(DataViewSchema schema, string name, string role)
        => schema.GetColumnOrNull(name) ?? throw Missing(name, role, schema.Where(column => !column.IsHidden).Select(column => column.Name));

    private static SchemaShape.Column Find(SchemaShape shape, string name, string role)
    {
        foreach (var column in shape)
        {
            if (column.Name == name)
            {
                return column;
            }
        }

        throw Missing(name, role, shape.Select(column => column.Name));
    }

    private static string Describe(SchemaShape.Column column)
        => (column.IsKey, column.Kind) switch
        {
            (true, SchemaShape.Column.VectorKind.Scalar) => "Key",
            (true, _) => "Vector<Key>",
            (false, SchemaShape.Column.VectorKind.Scalar) => column.ItemType.ToString()!,
            _ => $"Vector<{column.ItemType}>",
        };

    private static ArgumentException Missing(string name, string role, IEnumerable<string> there)
    {
        var names = there.Select(other => $"'{other}'").ToArray();
        var has = names.Length == 0 ? "the data has no columns" : $"the data has {string.Join(", ", names)}";
        return new ArgumentException($"{role} column '{name}' is missing; {has}.");
    }

    private static ArgumentException NotText(string name, string type)
        => new($"Input column '{name}' is of type {type}; it must be text.");

    private static ArgumentException NotImage(string name, string type)
        => new($"Input column '{name}' is of type {type}; it must be text (paths of pictures) or a vector of bytes (their files, as LoadRawImageBytes gives them).");

    private static ArgumentException NotKey(string name, string type)
        => new($"Label column '{name}' is of type {type}; it must be a key: put Conversion.MapValueToKey(\"{name}\") before this step.");
}
