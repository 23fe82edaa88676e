using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Schema;

/// <summary>The annotations by which ML.NET's evaluators recognise the columns of one multiclass prediction.</summary>
internal static class ScoreAnnotations
{
    private const string Multiclass = "MulticlassClassification";

    public static KeyDataViewType SetIdType { get; } = new(typeof(uint), int.MaxValue);

    /// <summary>A number that no earlier prediction in the data has.</summary>
    public static uint NextSetId(DataViewSchema schema)
    {
        var highest = 0u;
        foreach (var column in schema)
        {
            if (SetIdType.Equals(column.Annotations.Schema.GetColumnOrNull(AnnotationNames.ScoreColumnSetId)?.Type))
            {
                var id = 0u;
                column.Annotations.GetValue(AnnotationNames.ScoreColumnSetId, ref id);
                highest = Math.Max(highest, id);
            }
        }

        return highest + 1;
    }

    public static void Add(DataViewSchema.Annotations.Builder builder, uint setId, string valueKind)
    {
        builder.AddPrimitiveValue(AnnotationNames.ScoreColumnSetId, SetIdType, setId);
        builder.AddPrimitiveValue(AnnotationNames.ScoreColumnKind, TextDataViewType.Instance, Multiclass.AsMemory());
        builder.AddPrimitiveValue(AnnotationNames.ScoreValueKind, TextDataViewType.Instance, valueKind.AsMemory());
    }
}
