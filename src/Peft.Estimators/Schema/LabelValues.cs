using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Schema;

/// <summary>The classes: the values behind a label's keys, in key order.</summary>
/// <param name="Kind">Type of the values.</param>
/// <param name="Names">The values as text: what people read, and what a model stores.</param>
internal sealed record LabelValues(LabelKind Kind, IReadOnlyList<string> Names)
{
    // As many as MapValueToKey keeps when nothing else is said.
    private const ulong MaxClasses = 1_000_000;

    public int Count => Names.Count;

    public static LabelValues Of(DataViewSchema.Column label)
    {
        var key = (KeyDataViewType)label.Type;
        if (key.Count > MaxClasses)
        {
            throw new ArgumentException(
                $"Label column '{label.Name}' is a key of {key.Count} values; it must have at most {MaxClasses}: make it with "
                + "Conversion.MapValueToKey, which counts only the values that occur.");
        }

        var values = FromAnnotation(label) ?? new(LabelKind.Counted, Enumerable.Range(0, (int)key.Count).Select(i => $"{i}").ToArray());
        values.Check(label.Name);
        return values;
    }

    private static LabelValues? FromAnnotation(DataViewSchema.Column label)
    {
        if (label.Annotations.Schema.GetColumnOrNull(AnnotationNames.KeyValues)?.Type is not VectorDataViewType { IsKnownSize: true } type)
        {
            return null;
        }

        var kind = LabelKind.Of(type.ItemType) ?? throw new ArgumentException(
            $"Label column '{label.Name}' has key values of type {type.ItemType}; they must be text, numbers or Booleans.");
        return new(kind, kind.ReadKeyValues(label));
    }

    private void Check(string column)
    {
        var twice = Names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
        {
            throw new ArgumentException($"Label column '{column}' has the key value '{twice.Key}' more than once; every class must have its own.");
        }

        if (Names.Contains(""))
        {
            throw new ArgumentException($"Label column '{column}' has an empty key value; every class must have a name.");
        }
    }
}

/// <summary>Names under which ML.NET's own components look for a column's annotations.</summary>
internal static class AnnotationNames
{
    public const string KeyValues = nameof(KeyValues);
    public const string SlotNames = nameof(SlotNames);
    public const string TrainingLabelValues = nameof(TrainingLabelValues);
    public const string ScoreColumnSetId = nameof(ScoreColumnSetId);
    public const string ScoreColumnKind = nameof(ScoreColumnKind);
    public const string ScoreValueKind = nameof(ScoreValueKind);
}
