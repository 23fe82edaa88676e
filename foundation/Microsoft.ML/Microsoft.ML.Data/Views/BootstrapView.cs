namespace Microsoft.ML.Data;

/// <summary>Each row as often as a Poisson number of mean 1 says; the complement has the rows that were never drawn.</summary>
internal sealed class BootstrapView(IDataView source, uint seed, bool complement) : DerivedView(source)
{
    public override bool CanShuffle => false;

    public override long? GetRowCount() => null;

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        // The same rows in the same order for every cursor: the source is not shuffled.
        return new Cursor(Source.GetRowCursor(columnsNeeded), new HybridTausworthe(seed), complement);
    }

    private sealed class Cursor(DataViewRowCursor input, Random random, bool complement) : WrappedCursor(input)
    {
        private long _position = -1;
        private int _left;

        public override long Position => _position;

        public override ValueGetter<DataViewRowId> GetIdGetter()
        {
            var inputId = Input.GetIdGetter();
            return (ref DataViewRowId value) =>
            {
                inputId(ref value);
                // Every copy of a row has an id of its own.
                value = value.Combine(new DataViewRowId((ulong)_left, 0));
            };
        }

        public override bool MoveNext()
        {
            if (--_left <= 0 || complement)
            {
                do
                {
                    if (!Input.MoveNext())
                    {
                        _position = -1;
                        return false;
                    }
                    _left = Poisson();
                }
                while (complement ? _left != 0 : _left == 0);
            }
            _position++;
            return true;
        }

        private int Poisson()
        {
            double limit = Math.Exp(-1);
            int k = 0;
            for (double t = random.NextDouble(); t > limit; t *= random.NextDouble())
                k++;
            return k;
        }
    }
}
