using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms.Text;

/// <summary>What transforms of texts and vectors of texts share.</summary>
internal static class TextInputs
{
    private static bool IsText(DataViewType type) => (type is VectorDataViewType v ? v.ItemType : type) is TextDataViewType;

    public static void Check(DataViewSchema.Column source, string expected)
    {
        if (!IsText(source.Type))
            throw Contracts.ExceptSchemaMismatch("inputSchema", "input", source.Name, expected, source.Type.ToString());
    }

    /// <summary>The output columns; of a vector the number of texts is not known, since empty ones are left out.</summary>
    public static SchemaShape Outputs(SchemaShape inputSchema, (string outputColumnName, string inputColumnName)[] pairs, string expected,
        Func<SchemaShape.Column.VectorKind, SchemaShape.Column.VectorKind> kind)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(pairs.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (column.ItemType is not TextDataViewType)
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName, expected, column.ItemType.ToString());
            return new SchemaShape.Column(pair.outputColumnName, kind(column.Kind), column.ItemType, false);
        }).ToArray());
    }

    /// <summary>Reads a text, or all explicit texts of a vector.</summary>
    public static Action<List<ReadOnlyMemory<char>>> Reader(DataViewRow row, DataViewSchema.Column source)
    {
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<ReadOnlyMemory<char>>(source);
            ReadOnlyMemory<char> text = default;
            return texts =>
            {
                getter(ref text);
                texts.Add(text);
            };
        }
        var vectors = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(source);
        VBuffer<ReadOnlyMemory<char>> vector = default;
        return texts =>
        {
            vectors(ref vector);
            texts.AddRange(vector.GetValues());
        };
    }

    public static void Set(List<ReadOnlyMemory<char>> texts, ref VBuffer<ReadOnlyMemory<char>> value)
    {
        var editor = VBufferEditor.Create(ref value, texts.Count);
        texts.CopyTo(editor.Values);
        value = editor.Commit();
    }
}
