using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Schema;

/// <summary>Makes the columns of a <see cref="SchemaShape"/>.</summary>
/// <remarks>
/// A shape's column has no public constructor. A custom mapping makes columns of any name, type and annotations,
/// so each column here is what a mapping that is never run would write.
/// </remarks>
internal static class Shapes
{
    private const int AnySize = 2;

    /// <summary>A vector of singles with slot names and the annotations of a multiclass score.</summary>
    public static SchemaShape.Column Score(TransformsCatalog catalog, string name, LabelKind labels)
        => Make<VBuffer<float>>(catalog, name, new VectorDataViewType(NumberDataViewType.Single, AnySize), column =>
        {
            LabelKind.Of(TextDataViewType.Instance)!.AnnotateShape(column, AnnotationNames.SlotNames);
            labels.AnnotateShape(column, AnnotationNames.TrainingLabelValues);
            Scored(column);
        });

    /// <summary>A key with the values of the label.</summary>
    public static SchemaShape.Column PredictedLabel(TransformsCatalog catalog, string name, LabelKind labels)
        => Make<uint>(catalog, name, new KeyDataViewType(typeof(uint), AnySize), column =>
        {
            labels.AnnotateShape(column, AnnotationNames.KeyValues);
            Scored(column);
        });

    /// <summary>The type of a label's key values; numbers counted from 0 where the label has none.</summary>
    public static LabelKind LabelKindOf(SchemaShape.Column label)
    {
        foreach (var annotation in label.Annotations)
        {
            if (annotation.Name == AnnotationNames.KeyValues)
            {
                return LabelKind.Of(annotation.ItemType) ?? LabelKind.Counted;
            }
        }

        return LabelKind.Counted;
    }

    /// <summary>The input's columns and the added ones, which replace columns of the same name.</summary>
    public static SchemaShape With(SchemaShape input, params SchemaShape.Column[] added)
        => new(input.Where(column => added.All(other => other.Name != column.Name)).Concat(added));

    private static void Scored(SchemaDefinition.Column column)
    {
        column.AddAnnotation(AnnotationNames.ScoreColumnSetId, 0u, ScoreAnnotations.SetIdType);
        column.AddAnnotation(AnnotationNames.ScoreColumnKind, default(ReadOnlyMemory<char>), TextDataViewType.Instance);
        column.AddAnnotation(AnnotationNames.ScoreValueKind, default(ReadOnlyMemory<char>), TextDataViewType.Instance);
    }

    private static SchemaShape.Column Make<T>(
        TransformsCatalog catalog, string name, DataViewType type, Action<SchemaDefinition.Column> annotate)
    {
        var definition = SchemaDefinition.Create(typeof(Holder<T>));
        definition[0].ColumnName = name;
        definition[0].ColumnType = type;
        annotate(definition[0]);
        var nothing = new SchemaShape([]);
        return catalog.CustomMapping<Nothing, Holder<T>>((_, _) => { }, null!, null!, definition).GetOutputSchema(nothing)
            .Single(column => column.Name == name);
    }

    private sealed class Nothing;

    private sealed class Holder<T>
    {
        public T Value { get; set; } = default!;
    }
}
