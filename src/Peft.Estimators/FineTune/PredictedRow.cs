using Microsoft.ML;
using Microsoft.ML.Data;
using Peft.Estimators.Schema;

namespace Peft.Estimators.FineTune;

/// <summary>One row with its prediction, computed when first asked for: what a prediction engine reads.</summary>
internal sealed class PredictedRow : DataViewRow
{
    private const long Nowhere = long.MinValue;

    private readonly ClassifierMapper _mapper;
    private readonly DataViewRow _input;
    private readonly HashSet<int> _active;
    private Func<object?>? _read;
    private float[] _scores = [];
    private long _scoredAt = Nowhere;

    public PredictedRow(ClassifierMapper mapper, DataViewRow input, IEnumerable<DataViewSchema.Column> active)
    {
        _mapper = mapper;
        _input = input;
        _active = [.. active.Select(column => column.Index)];
    }

    public override DataViewSchema Schema => _mapper.OutputSchema;

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        ActiveColumns.Check(_active, column);
        return _mapper.Writes(column)
            ? Getters.As<TValue>(_mapper.Getter(column, Scores), column)
            : _input.GetGetter<TValue>(_mapper.InputSchema[column.Index]);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private float[] Scores()
    {
        if (_scoredAt != _input.Position)
        {
            _read ??= _mapper.Reader(_input);
            _scores = _mapper.Predict([_read()])[0];
            _scoredAt = _input.Position;
        }

        return _scores;
    }
}

/// <summary>The columns that a reader said it would read.</summary>
internal static class ActiveColumns
{
    /// <exception cref="InvalidOperationException">The column was not asked for.</exception>
    public static void Check(HashSet<int> active, DataViewSchema.Column column)
    {
        if (!active.Contains(column.Index))
        {
            throw new InvalidOperationException($"Column '{column.Name}' is not active in this cursor; name it when asking for the cursor.");
        }
    }
}
