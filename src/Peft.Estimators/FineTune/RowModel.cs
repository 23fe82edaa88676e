using Microsoft.ML;
using Microsoft.ML.Peft;
using Peft.Estimators.Schema;

namespace Peft.Estimators.FineTune;

/// <summary>What a classifier reads of a row, and the scores that it gives to many rows at once.</summary>
internal abstract class RowModel
{
    /// <summary>Finds the column that is read.</summary>
    /// <exception cref="ArgumentException">It is missing or of another type.</exception>
    public abstract DataViewSchema.Column Input(DataViewSchema schema);

    /// <summary>Makes a getter of what <see cref="Predict"/> takes of the row that a cursor stands on; null where the row has nothing.</summary>
    public abstract Func<object?> Reader(DataViewRow row, DataViewSchema.Column column);

    /// <summary>Scores of rows, one array each.</summary>
    public abstract float[][] Predict(IReadOnlyList<object?> rows);
}

/// <summary>A classifier of texts.</summary>
internal sealed class TextRows(TextClassifier model, string column) : RowModel
{
    public override DataViewSchema.Column Input(DataViewSchema schema) => ColumnChecks.Text(schema, column);

    public override Func<object?> Reader(DataViewRow row, DataViewSchema.Column input)
    {
        var getter = row.GetGetter<ReadOnlyMemory<char>>(input);
        var text = default(ReadOnlyMemory<char>);
        return () =>
        {
            getter(ref text);
            return text.ToString();
        };
    }

    public override float[][] Predict(IReadOnlyList<object?> rows) => model.Predict([.. rows.Cast<string>()]);
}

/// <summary>A classifier of pictures. A row without a picture gets scores that are no numbers.</summary>
internal sealed class ImageRows(ImageTextClassifier model, string column, string? folder) : RowModel
{
    public override DataViewSchema.Column Input(DataViewSchema schema) => ColumnChecks.Image(schema, column);

    // Pixels in the model's size at once: pictures of cameras, read ahead, would fill the memory.
    public override Func<object?> Reader(DataViewRow row, DataViewSchema.Column input)
    {
        var getter = ImageColumn.Getter(row, input, folder);
        return () => getter() is { } picture ? model.PixelsOf(picture) : null;
    }

    public override float[][] Predict(IReadOnlyList<object?> rows)
    {
        var scores = new Queue<float[]>(model.Predict([.. rows.OfType<float[]>()]));
        return [.. rows.Select(row => row is null ? Missing(model.Labels.Count) : scores.Dequeue())];
    }

    /// <summary>The scores of a row without a picture.</summary>
    public static float[] Missing(int classes)
    {
        var none = new float[classes];
        Array.Fill(none, float.NaN);
        return none;
    }
}
