using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>A cursor that counts its own rows: position -1 before the first and after the last.</summary>
internal abstract class RootCursor : DataViewRowCursor
{
    private long _position = -1;
    private bool _ended;

    public override long Position => _position;

    public override long Batch => 0;

    protected abstract bool MoveCore();

    public override bool MoveNext()
    {
        if (_ended)
            return false;
        if (MoveCore())
        {
            _position++;
            return true;
        }
        _ended = true;
        _position = -1;
        return false;
    }

    protected void CheckGood() => Contracts.Check(_position >= 0);

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) =>
    {
        CheckGood();
        value = new DataViewRowId((ulong)Position, 0);
    };
}
