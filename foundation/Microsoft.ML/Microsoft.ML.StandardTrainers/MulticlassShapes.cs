using Microsoft.ML.Data;

namespace Microsoft.ML.Trainers;

/// <summary>The columns multiclass trainers read and write.</summary>
internal static class MulticlassShapes
{
    public static SchemaShape.Column Features(string name) => new(name, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, false);

    public static SchemaShape.Column Label(string name) => new(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true);

    public static SchemaShape.Column Weight(string name) =>
        name is null ? default : new(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, false);

    public static SchemaShape.Column[] Outputs(SchemaShape inputSchema, string labelName)
    {
        inputSchema.TryFindColumn(labelName, out var label);
        var names = label.Annotations.Where(a => a.Name == AnnotationKinds.KeyValues).ToArray();
        var kinds = new[] { AnnotationKinds.ScoreColumnKind, AnnotationKinds.ScoreValueKind }
            .Select(k => new SchemaShape.Column(k, SchemaShape.Column.VectorKind.Scalar, TextDataViewType.Instance, false)).ToArray();
        var slots = names.Any(n => n.ItemType is TextDataViewType) ? [AnnotationKinds.SlotNamesShape] : Array.Empty<SchemaShape.Column>();
        return
        [
            new("PredictedLabel", SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true, new SchemaShape(names.Concat(kinds))),
            new("Score", SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, false, new SchemaShape(slots.Concat(kinds))),
        ];
    }
}
