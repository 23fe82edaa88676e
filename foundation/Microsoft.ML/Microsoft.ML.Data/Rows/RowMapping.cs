using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>A row mapper's outputs put beside the input's columns.</summary>
internal sealed class RowMapping : IRowToRowMapper
{
    private readonly RowMapper _mapper;

    /// <summary>For each column of the output schema: the input column, or ~(number of the added column).</summary>
    private readonly int[] _sources;

    public RowMapping(RowMapper mapper)
    {
        _mapper = mapper;
        var input = mapper.InputSchema;
        var added = mapper.OutputColumns;
        var order = new List<int>(input.Count + added.Length);
        for (int i = 0; i < input.Count; i++)
            order.Add(i);
        for (int k = 0; k < added.Length; k++)
        {
            // A column that replaces another stands right behind the one it hides.
            int hidden = -1;
            for (int p = 0; p < order.Count; p++)
            {
                string name = order[p] >= 0 ? input[order[p]].Name : added[~order[p]].Name;
                if (name == added[k].Name)
                    hidden = p;
            }
            order.Insert(hidden < 0 ? order.Count : hidden + 1, ~k);
        }
        _sources = order.ToArray();
        var builder = new DataViewSchema.Builder();
        foreach (int source in _sources)
        {
            if (source >= 0)
                builder.AddColumns([input[source]]);
            else
                builder.AddColumns([added[~source]]);
        }
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema => _mapper.InputSchema;

    public DataViewSchema OutputSchema { get; }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var needed = new bool[InputSchema.Count];
        var added = new bool[_mapper.OutputColumns.Length];
        foreach (var column in dependingColumns)
        {
            int source = _sources[column.Index];
            if (source >= 0)
                needed[source] = true;
            else
                added[~source] = true;
        }
        _mapper.MarkDependencies(i => added[i], i => needed[i] = true);
        return InputSchema.Where(c => needed[c.Index]).ToArray();
    }

    public bool AnyAdded(ActiveColumns active)
    {
        for (int i = 0; i < _sources.Length; i++)
        {
            if (_sources[i] < 0 && active[i])
                return true;
        }
        return false;
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckValue(activeColumns, nameof(activeColumns));
        return new Row(this, input, new ActiveColumns(OutputSchema, activeColumns));
    }

    private sealed class Row : DataViewRow
    {
        private readonly RowMapping _mapping;
        private readonly DataViewRow _input;
        private readonly ActiveColumns _active;
        private readonly Delegate[] _getters;

        public Row(RowMapping mapping, DataViewRow input, ActiveColumns active)
        {
            _mapping = mapping;
            _input = input;
            _active = active;
            var added = new bool[mapping._mapper.OutputColumns.Length];
            for (int i = 0; i < mapping._sources.Length; i++)
            {
                if (mapping._sources[i] < 0)
                    added[~mapping._sources[i]] = active[i];
            }
            _getters = mapping._mapper.CreateGetters(input, i => added[i]);
        }

        public override DataViewSchema Schema => _mapping.OutputSchema;

        public override long Position => _input.Position;

        public override long Batch => _input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            _active.Check(column);
            int source = _mapping._sources[column.Index];
            return source >= 0 ? _input.GetGetter<TValue>(_mapping.InputSchema[source]) : Getters.As<TValue>(_getters[~source]);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _input.Dispose();
            base.Dispose(disposing);
        }
    }
}
