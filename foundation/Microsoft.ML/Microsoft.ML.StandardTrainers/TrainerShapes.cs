using Microsoft.ML.Data;

namespace Microsoft.ML.Trainers;

/// <summary>The columns that linear trainers read and write.</summary>
internal static class TrainerShapes
{
    public static SchemaShape.Column Features(string name) => new(name, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, false);

    public static SchemaShape.Column ClassLabel(string name) => new(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true);

    public static SchemaShape.Column BooleanLabel(string name) => new(name, SchemaShape.Column.VectorKind.Scalar, BooleanDataViewType.Instance, false);

    public static SchemaShape.Column NumberLabel(string name) => new(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, false);

    public static SchemaShape.Column Weight(string name) =>
        name is null ? default : new(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, false);

    public static SchemaShape.Column[] Regression => [ScoreColumns.ScoreShape];

    public static SchemaShape.Column[] Binary => [ScoreColumns.ScoreShape, ScoreColumns.PredictedLabelShape];

    public static SchemaShape.Column[] CalibratedBinary => [ScoreColumns.ScoreShape, ScoreColumns.ProbabilityShape, ScoreColumns.PredictedLabelShape];

    public static SchemaShape.Column[] Multiclass(SchemaShape inputSchema, string labelName)
    {
        inputSchema.TryFindColumn(labelName, out var label);
        var names = label.Annotations.Where(a => a.Name == AnnotationKinds.KeyValues && a.Kind == SchemaShape.Column.VectorKind.Vector).ToArray();
        var score = new List<SchemaShape.Column>();
        foreach (var name in names)
        {
            if (name.ItemType is TextDataViewType)
                score.Add(AnnotationKinds.SlotNamesShape);
            score.Add(new(ScoreColumns.TrainingLabelValues, SchemaShape.Column.VectorKind.Vector, name.ItemType, false));
        }
        return
        [
            new("Score", SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, false, new SchemaShape(score.Concat(ScoreColumns.AnnotationShapes))),
            new("PredictedLabel", SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true, new SchemaShape(names.Concat(ScoreColumns.AnnotationShapes))),
        ];
    }
}
