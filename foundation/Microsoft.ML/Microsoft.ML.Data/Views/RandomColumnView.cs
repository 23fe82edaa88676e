namespace Microsoft.ML.Data;

/// <summary>A column of random numbers from 0 to 1 beside the others: the same for every cursor.</summary>
internal sealed class RandomColumnView : DerivedView
{
    private readonly uint _seed;

    public RandomColumnView(IDataView source, string name, uint seed) : base(source)
    {
        _seed = seed;
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(source.Schema);
        builder.AddColumn(name, NumberDataViewType.Single);
        Schema = builder.ToSchema();
    }

    // Row and number belong together only in one order.
    public override bool CanShuffle => false;

    public override DataViewSchema Schema { get; }

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var columns = columnsNeeded.ToArray();
        int own = Source.Schema.Count;
        var input = Source.GetRowCursor(columns.Where(c => c.Index < own).Select(c => Source.Schema[c.Index]));
        return new Cursor(input, Schema, new ActiveColumns(Schema, columns), new HybridTausworthe(_seed));
    }

    private sealed class Cursor(DataViewRowCursor input, DataViewSchema schema, ActiveColumns active, HybridTausworthe random) : WrappedCursor(input)
    {
        private float _value;
        private long _row = -1, _valueRow = -1;

        public override DataViewSchema Schema => schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

        public override bool MoveNext()
        {
            _row++;
            return Input.MoveNext();
        }

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            active.Check(column);
            if (column.Index < Input.Schema.Count)
                return Input.GetGetter<TValue>(Input.Schema[column.Index]);
            return Getters.As<TValue>((ValueGetter<float>)((ref float value) =>
            {
                for (; _valueRow < _row; _valueRow++)
                    _value = random.NextSingle();
                value = _value;
            }));
        }
    }
}
