namespace Microsoft.ML.Data;

/// <summary>The columns that scoring adds, with the annotations that say what they are.</summary>
internal static class ScoreColumns
{
    public const string Binary = "BinaryClassification";
    public const string Multiclass = "MulticlassClassification";
    public const string Regression = "Regression";
    public const string TrainingLabelValues = "TrainingLabelValues";

    private static readonly KeyDataViewType SetIdType = new(typeof(uint), int.MaxValue);

    /// <summary>The number of a new set of score columns: one more than those that the input has.</summary>
    public static uint NextSet(DataViewSchema input)
    {
        uint max = 0;
        foreach (var column in input)
        {
            if (column.Annotations.Schema.GetColumnOrNull(AnnotationKinds.ScoreColumnSetId)?.Type is not KeyDataViewType { RawType: var raw } || raw != typeof(uint))
                continue;
            uint id = 0;
            column.Annotations.GetValue(AnnotationKinds.ScoreColumnSetId, ref id);
            max = Math.Max(max, id);
        }
        return checked(max + 1);
    }

    /// <summary>The column of predicted classes; the names of classes, where there are any, become its key values.</summary>
    public static DataViewSchema.DetachedColumn Predicted(DataViewType type, string task, uint set, DataViewSchema.Column? keyValues = null,
        DataViewSchema.Annotations keyValueSource = null)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        AddText(builder, AnnotationKinds.ScoreColumnKind, task);
        AddText(builder, AnnotationKinds.ScoreValueKind, "PredictedLabel");
        if (keyValues is { } names)
            builder.Add(AnnotationKinds.KeyValues, names.Type, Annotation(keyValueSource, names));
        builder.AddPrimitiveValue(AnnotationKinds.ScoreColumnSetId, SetIdType, set);
        return new("PredictedLabel", type, builder.ToAnnotations());
    }

    /// <summary>The column of scores.</summary>
    public static DataViewSchema.DetachedColumn Score(DataViewType type, string task, uint set, Action<DataViewSchema.Annotations.Builder> more = null) =>
        Values("Score", type, task, set, more);

    /// <summary>The column of probabilities.</summary>
    public static DataViewSchema.DetachedColumn Probability(string task, uint set) =>
        Values("Probability", NumberDataViewType.Single, task, set, builder => builder.AddIsNormalized());

    private static DataViewSchema.DetachedColumn Values(string name, DataViewType type, string task, uint set, Action<DataViewSchema.Annotations.Builder> more)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        AddText(builder, AnnotationKinds.ScoreColumnKind, task);
        builder.AddPrimitiveValue(AnnotationKinds.ScoreColumnSetId, SetIdType, set);
        AddText(builder, AnnotationKinds.ScoreValueKind, name);
        more?.Invoke(builder);
        return new(name, type, builder.ToAnnotations());
    }

    /// <summary>The getter of an annotation of any type.</summary>
    public static Delegate Annotation(DataViewSchema.Annotations annotations, DataViewSchema.Column kind) =>
        Getters.Call<Delegate>(Getters.Method(typeof(ScoreColumns), nameof(AnnotationOf)), kind.Type.RawType, annotations, kind);

    private static Delegate AnnotationOf<T>(DataViewSchema.Annotations annotations, DataViewSchema.Column kind) => annotations.GetGetter<T>(kind);

    private static void AddText(DataViewSchema.Annotations.Builder builder, string kind, string value) =>
        builder.AddPrimitiveValue(kind, TextDataViewType.Instance, value.AsMemory());

    // What a trainer's schema says of these columns beforehand.

    private static SchemaShape.Column Shape(string kind, DataViewType type, bool isKey = false) =>
        new(kind, SchemaShape.Column.VectorKind.Scalar, type, isKey);

    public static SchemaShape.Column[] AnnotationShapes =>
    [
        Shape(AnnotationKinds.ScoreColumnSetId, NumberDataViewType.UInt32, isKey: true),
        Shape(AnnotationKinds.ScoreColumnKind, TextDataViewType.Instance),
        Shape(AnnotationKinds.ScoreValueKind, TextDataViewType.Instance),
    ];

    public static SchemaShape.Column ScoreShape => new("Score", SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, false, new SchemaShape(AnnotationShapes));

    public static SchemaShape.Column ProbabilityShape => new("Probability", SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, false,
        new SchemaShape(AnnotationShapes.Append(AnnotationKinds.IsNormalizedShape)));

    public static SchemaShape.Column PredictedLabelShape =>
        new("PredictedLabel", SchemaShape.Column.VectorKind.Scalar, BooleanDataViewType.Instance, false, new SchemaShape(AnnotationShapes));
}
