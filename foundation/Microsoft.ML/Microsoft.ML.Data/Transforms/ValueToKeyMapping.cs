using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>Learns the distinct values of columns and gives each a key.</summary>
public sealed class ValueToKeyMappingEstimator : IEstimator<ValueToKeyMappingTransformer>
{
    private readonly IHost _host;
    private readonly (string outputColumnName, string inputColumnName)[] _columns;
    private readonly int _maximum;
    private readonly KeyOrdinality _order;
    private readonly bool _asText;
    private readonly IDataView _keyData;

    internal ValueToKeyMappingEstimator(IHostEnvironment env, int maximumNumberOfKeys, KeyOrdinality keyOrdinality, bool asText, IDataView keyData,
        params (string outputColumnName, string inputColumnName)[] columns)
    {
        _host = env.Register(nameof(ValueToKeyMappingEstimator));
        Contracts.CheckParam(columns.Length > 0, nameof(columns), "columns cannot be null or empty");
        if (keyData is not null && keyData.Schema.Count(c => !c.IsHidden) != 1)
        {
            throw Contracts.ExceptParam(nameof(keyData),
                $"If specified, this data view should contain only a single column containing the terms to map, but this had {keyData.Schema.Count(c => !c.IsHidden)} columns.");
        }
        _columns = columns;
        _maximum = maximumNumberOfKeys;
        _order = keyOrdinality;
        _asText = asText;
        _keyData = keyData;
    }

    /// <summary>Keys in the order in which values occur, or in the order of the values.</summary>
    public enum KeyOrdinality : byte
    {
        ByOccurrence = 0,
        ByValue = 1,
    }

    public ValueToKeyMappingTransformer Fit(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        var sources = _columns.Select(c => input.Schema.GetColumnOrNull(c.inputColumnName)
            ?? throw Contracts.ExceptSchemaMismatch("inputSchema", "input", c.inputColumnName)).ToArray();
        Contracts.CheckParam(_maximum > 0, "MaxNumTerms", "Must be positive");
        Vocabulary[] vocabularies;
        if (_keyData is not null)
        {
            var keys = _keyData.Schema.First(c => !c.IsHidden);
            foreach (var source in sources)
            {
                var item = source.Type is VectorDataViewType v ? v.ItemType : source.Type;
                if (!item.Equals(keys.Type))
                    throw Contracts.ExceptParam("keyData", $"Input data's column must be of type '{item}' but was '{keys.Type}'");
            }
            var learnt = Vocabulary.Learn(_keyData, [keys], int.MaxValue, _order)[0];
            vocabularies = Enumerable.Repeat(learnt, sources.Length).ToArray();
        }
        else
        {
            vocabularies = Vocabulary.Learn(input, sources, _maximum, _order);
        }
        return new ValueToKeyMappingTransformer(_host, vocabularies, Enumerable.Repeat(_asText, sources.Length).ToArray(), _columns);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(_columns.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (!Vocabulary.CanLearn(column.ItemType))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName, "primitive", column.TypeText());
            var annotations = new List<SchemaShape.Column>();
            annotations.Add(new SchemaShape.Column(AnnotationKinds.KeyValues, SchemaShape.Column.VectorKind.Vector,
                _asText ? TextDataViewType.Instance : column.ItemType, column.IsKey && !_asText));
            if (column.HasSlotNames && column.Annotations.TryFindColumn(AnnotationKinds.SlotNames, out var slots))
                annotations.Add(slots);
            return new SchemaShape.Column(pair.outputColumnName, column.Kind, NumberDataViewType.UInt32, true, new SchemaShape(annotations));
        }).ToArray());
    }
}
