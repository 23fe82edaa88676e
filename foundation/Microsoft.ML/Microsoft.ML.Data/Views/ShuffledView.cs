using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Rows in another order: drawn from a pool that is filled from the source, which may be shuffled too.</summary>
internal sealed class ShuffledView(IDataView source, int seed, int poolRows, bool shuffleSource) : DerivedView(source)
{
    public override bool CanShuffle => true;

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var own = rand ?? new HybridTausworthe((uint)seed);
        var columns = columnsNeeded.ToArray();
        // The source's generator is seeded from ours, whether the source can shuffle or not.
        var input = Source.GetRowCursor(columns, shuffleSource ? new HybridTausworthe(own) : null);
        return poolRows == 1 ? input : new PoolCursor(input, columns, poolRows, own);
    }

    /// <summary>Draws rows from a pool.</summary>
    internal sealed class PoolCursor : RootCursor
    {
        private readonly DataViewRowCursor _input;
        private readonly ActiveColumns _active;
        private readonly Random _random;
        private readonly ColumnBuffer[] _buffers;
        private readonly ValueGetter<DataViewRowId> _idGetter;
        private readonly List<DataViewRowId> _ids = [];

        /// <summary>The slots of the pool, as a ring: the live ones begin at _head.</summary>
        private readonly int[] _ring;
        private int _head;
        private int _live;
        private int _current = -1;
        private bool _sourceEnded;

        public PoolCursor(DataViewRowCursor input, IEnumerable<DataViewSchema.Column> columns, int poolRows, Random random)
        {
            Contracts.Check(poolRows > 1);
            _input = input;
            _random = random;
            _active = new ActiveColumns(input.Schema, columns);
            _buffers = new ColumnBuffer[input.Schema.Count];
            foreach (var column in input.Schema)
            {
                if (_active[column.Index])
                    _buffers[column.Index] = ColumnBuffer.Create(input, column);
            }
            _idGetter = input.GetIdGetter();
            _ring = Enumerable.Range(0, poolRows).ToArray();
        }

        public override DataViewSchema Schema => _input.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            _active.Check(column);
            return Getters.As<TValue>(_buffers[column.Index].CreateGetter(Slot));
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = _ids[Slot()];

        private int Slot()
        {
            CheckGood();
            return _current;
        }

        protected override bool MoveCore()
        {
            if (_current >= 0)
            {
                _head = (_head + 1) % _ring.Length;
                _live--;
            }
            while (!_sourceEnded && _live < _ring.Length)
                Read();
            if (_live == 0)
                return false;
            int drawn = (_head + _random.Next(_live)) % _ring.Length;
            (_ring[_head], _ring[drawn]) = (_ring[drawn], _ring[_head]);
            _current = _ring[_head];
            return true;
        }

        private void Read()
        {
            if (!_input.MoveNext())
            {
                _sourceEnded = true;
                return;
            }
            int slot = _ring[(_head + _live) % _ring.Length];
            foreach (var buffer in _buffers)
                buffer?.Store(slot);
            DataViewRowId id = default;
            _idGetter(ref id);
            while (_ids.Count <= slot)
                _ids.Add(default);
            _ids[slot] = id;
            _live++;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _input.Dispose();
            base.Dispose(disposing);
        }
    }
}
