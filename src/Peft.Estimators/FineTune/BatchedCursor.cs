using Microsoft.ML;
using Microsoft.ML.Data;
using Peft.Estimators.Schema;

namespace Peft.Estimators.FineTune;

/// <summary>Reads some rows ahead, so that their predictions are made together, and gives them out one by one.</summary>
/// <remarks>The first batch is small, as many readers want but a few rows; each next is twice as large up to a limit.</remarks>
internal sealed class BatchedCursor : DataViewRowCursor
{
    private const int FirstBatch = 32;
    private const int LargestBatch = 256;

    private readonly ClassifierMapper _mapper;
    private readonly DataViewRowCursor _input;
    private readonly HashSet<int> _active;
    private readonly Dictionary<int, ColumnBuffer> _passed = [];
    private readonly Func<object?> _read;
    private readonly ValueGetter<DataViewRowId> _getId;
    private readonly List<object?> _inputs = new(LargestBatch);
    private readonly DataViewRowId[] _ids = new DataViewRowId[LargestBatch];
    private readonly long[] _batches = new long[LargestBatch];
    private float[][]? _scores; // of the rows in the buffer, once somebody has asked
    private int _capacity = FirstBatch;
    private int _row = -1;
    private long _position = -1;
    private bool _ended;

    public BatchedCursor(ClassifierMapper mapper, DataViewRowCursor input, IReadOnlyCollection<DataViewSchema.Column> active)
    {
        _mapper = mapper;
        _input = input;
        _active = [.. active.Select(column => column.Index)];
        _read = mapper.Reader(input);
        _getId = input.GetIdGetter();
        foreach (var column in active.Where(column => !mapper.Writes(column)))
        {
            _passed[column.Index] = ColumnBuffer.Of(input, mapper.InputSchema[column.Index], LargestBatch);
        }
    }

    public override DataViewSchema Schema => _mapper.OutputSchema;

    public override long Position => _position;

    public override long Batch => _row < 0 ? 0 : _batches[_row];

    public override bool MoveNext()
    {
        if (_ended)
        {
            return false;
        }

        if (++_row == _inputs.Count && !ReadAhead())
        {
            _ended = true;
            _row = -1;
            _position = -1;
            return false;
        }

        _position++;
        return true;
    }

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = _ids[Row()];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        ActiveColumns.Check(_active, column);
        var getter = _mapper.Writes(column) ? _mapper.Getter(column, Scores) : _passed[column.Index].Getter(Row);
        return Getters.As<TValue>(getter, column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool ReadAhead()
    {
        _inputs.Clear();
        _scores = null;
        _row = 0;
        while (_inputs.Count < _capacity && _input.MoveNext())
        {
            var slot = _inputs.Count;
            _getId(ref _ids[slot]);
            _batches[slot] = _input.Batch;
            foreach (var column in _passed.Values)
            {
                column.Read(slot);
            }

            _inputs.Add(_read());
        }

        _capacity = Math.Min(2 * _capacity, LargestBatch);
        return _inputs.Count > 0;
    }

    private float[] Scores() => (_scores ??= _mapper.Predict(_inputs))[Row()];

    private int Row() => _row >= 0 ? _row : throw new InvalidOperationException("The cursor is on no row; MoveNext must have returned true.");
}

/// <summary>The rows of a view under the wider schema, for readers of the other columns only.</summary>
internal sealed class UnpredictedCursor(ClassifierMapper mapper, DataViewRowCursor input, IEnumerable<DataViewSchema.Column> active) : DataViewRowCursor
{
    private readonly HashSet<int> _active = [.. active.Select(column => column.Index)];

    public override DataViewSchema Schema => mapper.OutputSchema;

    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override bool MoveNext() => input.MoveNext();

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        ActiveColumns.Check(_active, column);
        return input.GetGetter<TValue>(mapper.InputSchema[column.Index]);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            input.Dispose();
        }

        base.Dispose(disposing);
    }
}
