using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>A cursor over another one of the same rows.</summary>
internal abstract class WrappedCursor(DataViewRowCursor input) : DataViewRowCursor
{
    protected DataViewRowCursor Input { get; } = input;

    public override long Position => Input.Position;

    public override long Batch => Input.Batch;

    public override DataViewSchema Schema => Input.Schema;

    public override bool MoveNext() => Input.MoveNext();

    public override ValueGetter<DataViewRowId> GetIdGetter() => Input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => Input.IsColumnActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => Input.GetGetter<TValue>(column);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Input.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Words exceptions of lazily computed columns as the real packages' parallel readers do.</summary>
internal sealed class WorkerCursor(DataViewRowCursor input) : WrappedCursor(input)
{
    private const string Message = "Splitter/consolidator worker encountered exception while consuming source data";

    public override bool MoveNext()
    {
        try
        {
            return Input.MoveNext();
        }
        catch (Exception e) when (!IsWorded(e))
        {
            throw Contracts.Except(e, Message);
        }
    }

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        var getter = Input.GetGetter<TValue>(column);
        return (ref TValue value) =>
        {
            try
            {
                getter(ref value);
            }
            catch (Exception e) when (!IsWorded(e) && Position >= 0)
            {
                throw Contracts.Except(e, Message);
            }
        };
    }

    private static bool IsWorded(Exception e) => e is InvalidOperationException && e.Message == Message;
}
