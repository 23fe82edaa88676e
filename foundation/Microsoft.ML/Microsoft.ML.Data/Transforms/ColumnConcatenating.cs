using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>Puts columns of one item type into one vector.</summary>
public sealed class ColumnConcatenatingEstimator : IEstimator<ColumnConcatenatingTransformer>
{
    private readonly IHost _host;
    private readonly string _name;
    private readonly string[] _sources;

    internal ColumnConcatenatingEstimator(IHostEnvironment env, string outputColumnName, params string[] inputColumnNames)
    {
        Contracts.CheckValue(env, nameof(env));
        Contracts.CheckNonEmpty(outputColumnName, nameof(outputColumnName));
        Contracts.CheckValue(inputColumnNames, nameof(inputColumnNames));
        Contracts.CheckParam(inputColumnNames.Length > 0, nameof(inputColumnNames), "Input columns not specified");
        Contracts.CheckParam(!inputColumnNames.Any(string.IsNullOrEmpty), nameof(inputColumnNames), "Contained some null or empty items");
        _host = env.Register(nameof(ColumnConcatenatingEstimator));
        _name = outputColumnName;
        _sources = inputColumnNames;
    }

    public ColumnConcatenatingTransformer Fit(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        foreach (string name in _sources)
        {
            if (input.Schema.GetColumnOrNull(name) is null)
                throw Contracts.ExceptSchemaMismatch("inputSchema", "input", name);
        }
        return new ColumnConcatenatingTransformer(_host, (_name, _sources.Select(s => (s, (string)null)).ToArray()));
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With([ShapeOf(inputSchema)]);
    }

    private SchemaShape.Column ShapeOf(SchemaShape inputSchema)
    {
        bool variable = false, slotNames = false, normalized = true;
        SchemaShape.Column first = default;
        for (int i = 0; i < _sources.Length; i++)
        {
            if (!inputSchema.TryFindColumn(_sources[i], out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", _sources[i]);
            if (i == 0)
                first = column;
            if (column.IsKey)
                throw Contracts.Except($"Column '{_sources[i]}' is key. Concatenation of keys is unsupported.");
            if (!column.ItemType.Equals(first.ItemType))
            {
                throw Contracts.Except($"Concatenated columns should have the same type. Column '{_sources[i]}' has type of {column.ItemType}, "
                    + $"but expected column type is {first.ItemType}.");
            }
            variable |= column.Kind == SchemaShape.Column.VectorKind.VariableVector;
            slotNames |= column.Kind == SchemaShape.Column.VectorKind.Scalar || column.HasSlotNames;
            normalized &= column.Annotations.TryFindColumn(AnnotationKinds.IsNormalized, out _);
        }
        var annotations = new List<SchemaShape.Column>();
        if (normalized)
            annotations.Add(AnnotationKinds.IsNormalizedShape);
        if (!variable && slotNames)
            annotations.Add(AnnotationKinds.SlotNamesShape);
        var kind = variable ? SchemaShape.Column.VectorKind.VariableVector : SchemaShape.Column.VectorKind.Vector;
        return new SchemaShape.Column(_name, kind, first.ItemType, first.IsKey, new SchemaShape(annotations));
    }
}
