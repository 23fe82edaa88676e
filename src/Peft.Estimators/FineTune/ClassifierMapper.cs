using Microsoft.ML;
using Microsoft.ML.Data;
using Peft.Estimators.Schema;

namespace Peft.Estimators.FineTune;

/// <summary>Adds the columns of a prediction to a schema, and computes them.</summary>
internal sealed class ClassifierMapper : IRowToRowMapper
{
    private readonly RowModel _model;
    private readonly DataViewSchema.Column _read;

    public ClassifierMapper(DataViewSchema input, RowModel model, ClassifierColumns columns, LabelValues labels)
    {
        _model = model;
        _read = model.Input(input);
        InputSchema = input;

        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        var set = ScoreAnnotations.NextSetId(input);
        builder.AddColumn(columns.PredictedLabel, new KeyDataViewType(typeof(uint), labels.Count), PredictedLabelAnnotations(labels, set));
        builder.AddColumn(columns.Score, new VectorDataViewType(NumberDataViewType.Single, labels.Count), ScoreAnnotationsOf(labels, set));
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var wanted = dependingColumns.Select(column => column.Index).ToHashSet();
        var predicts = wanted.Any(index => index >= InputSchema.Count);
        return InputSchema.Where(column => wanted.Contains(column.Index) || (predicts && column.Index == _read.Index));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
        => new PredictedRow(this, input, activeColumns);

    /// <summary>True for a column that is written here, false for one of the input.</summary>
    public bool Writes(DataViewSchema.Column column) => column.Index >= InputSchema.Count;

    /// <summary>A getter of what <see cref="Predict"/> takes of a row.</summary>
    public Func<object?> Reader(DataViewRow input) => _model.Reader(input, _read);

    public float[][] Predict(IReadOnlyList<object?> rows) => _model.Predict(rows);

    /// <summary>The getter of a written column over a row's probabilities.</summary>
    public Delegate Getter(DataViewSchema.Column column, Func<float[]> scores)
        => column.Index == InputSchema.Count
            ? (ValueGetter<uint>)((ref uint value) => value = Key(scores()))
            : (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
            {
                var row = scores();
                var editor = VBufferEditor.Create(ref value, row.Length);
                row.CopyTo(editor.Values);
                value = editor.Commit();
            });

    /// <summary>Key of the likeliest class, the first of equals; 0, the missing key, where no score is a number.</summary>
    public static uint Key(ReadOnlySpan<float> scores)
    {
        var best = -1;
        for (var i = 0; i < scores.Length; i++)
        {
            if (!float.IsNaN(scores[i]) && (best < 0 || scores[i] > scores[best]))
            {
                best = i;
            }
        }

        return (uint)(best + 1);
    }

    private static DataViewSchema.Annotations PredictedLabelAnnotations(LabelValues labels, uint set)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        labels.Kind.Annotate(builder, AnnotationNames.KeyValues, labels.Names);
        ScoreAnnotations.Add(builder, set, "PredictedLabel");
        return builder.ToAnnotations();
    }

    private static DataViewSchema.Annotations ScoreAnnotationsOf(LabelValues labels, uint set)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        LabelKind.Of(TextDataViewType.Instance)!.Annotate(builder, AnnotationNames.SlotNames, labels.Names);
        labels.Kind.Annotate(builder, AnnotationNames.TrainingLabelValues, labels.Names);
        ScoreAnnotations.Add(builder, set, "Score");
        return builder.ToAnnotations();
    }
}
