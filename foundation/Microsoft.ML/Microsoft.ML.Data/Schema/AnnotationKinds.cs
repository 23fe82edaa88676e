namespace Microsoft.ML.Data;

/// <summary>The names of annotations, and the ways to make the usual ones.</summary>
internal static class AnnotationKinds
{
    public const string KeyValues = "KeyValues";
    public const string SlotNames = "SlotNames";
    public const string IsNormalized = "IsNormalized";
    public const string ScoreColumnKind = "ScoreColumnKind";
    public const string ScoreColumnSetId = "ScoreColumnSetId";
    public const string ScoreValueKind = "ScoreValueKind";

    public static VectorDataViewType NamesType(int size) => new(TextDataViewType.Instance, size);

    public static ValueGetter<VBuffer<ReadOnlyMemory<char>>> NamesGetter(IEnumerable<string> names)
    {
        var values = names.Select(n => n.AsMemory()).ToArray();
        return (ref VBuffer<ReadOnlyMemory<char>> value) => VBuffer<ReadOnlyMemory<char>>.Copy(values, 0, ref value, values.Length);
    }

    public static void AddNames(this DataViewSchema.Annotations.Builder builder, string kind, IReadOnlyList<string> names) =>
        builder.Add(kind, NamesType(names.Count), NamesGetter(names));

    public static void AddIsNormalized(this DataViewSchema.Annotations.Builder builder) =>
        builder.AddPrimitiveValue(IsNormalized, BooleanDataViewType.Instance, true);

    /// <summary>The slot names of a vector column of known size, or null.</summary>
    public static string[] SlotNamesOrNull(DataViewSchema.Column column)
    {
        if (!column.HasSlotNames())
            return null;
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        column.GetSlotNames(ref names);
        return names.DenseValues().Select(n => n.ToString()).ToArray();
    }

    public static SchemaShape.Column SlotNamesShape => new(SlotNames, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, false);

    public static SchemaShape.Column IsNormalizedShape => new(IsNormalized, SchemaShape.Column.VectorKind.Scalar, BooleanDataViewType.Instance, false);
}
