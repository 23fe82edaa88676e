using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

namespace Microsoft.ML;

/// <summary>Transforms and filters by functions of objects.</summary>
public static class CustomMappingCatalog
{
    public static CustomMappingEstimator<TSrc, TDst> CustomMapping<TSrc, TDst>(this TransformsCatalog catalog, Action<TSrc, TDst> mapAction, string contractName,
        SchemaDefinition inputSchemaDefinition = null, SchemaDefinition outputSchemaDefinition = null) where TSrc : class, new() where TDst : class, new() =>
        new(catalog.Environment, mapAction, contractName, inputSchemaDefinition, outputSchemaDefinition);

    public static StatefulCustomMappingEstimator<TSrc, TDst, TState> StatefulCustomMapping<TSrc, TDst, TState>(this TransformsCatalog catalog,
        Action<TSrc, TDst, TState> mapAction, Action<TState> stateInitAction, string contractName)
        where TSrc : class, new() where TDst : class, new() where TState : class, new() =>
        new(catalog.Environment, mapAction, contractName, stateInitAction);

    public static IDataView FilterByCustomPredicate<TSrc>(this DataOperationsCatalog catalog, IDataView input, Func<TSrc, bool> filterPredicate)
        where TSrc : class, new()
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckValue(filterPredicate, nameof(filterPredicate));
        return new PredicateView<TSrc>(input, () => filterPredicate);
    }

    public static IDataView FilterByStatefulCustomPredicate<TSrc, TState>(this DataOperationsCatalog catalog, IDataView input,
        Func<TSrc, TState, bool> filterPredicate, Action<TState> stateInitAction) where TSrc : class, new() where TState : class, new()
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckValue(filterPredicate, nameof(filterPredicate));
        Contracts.CheckValue(stateInitAction, nameof(stateInitAction));
        return new PredicateView<TSrc>(input, () =>
        {
            var state = new TState();
            stateInitAction(state);
            return row => filterPredicate(row, state);
        });
    }

    /// <summary>The rows a predicate does not hold for: it says what is filtered out.</summary>
    private sealed class PredicateView<TSrc>(IDataView source, Func<Func<TSrc, bool>> createPredicate) : FilterView(source) where TSrc : class, new()
    {
        private readonly RowBinding<TSrc> _binding = RowBinding<TSrc>.Create(source.Schema, ignoreMissingColumns: false, null);

        protected override IEnumerable<DataViewSchema.Column> Tested => _binding.Columns;

        protected override Func<bool> CreateTest(DataViewRow row)
        {
            var fill = _binding.CreateFill(row);
            var predicate = createPredicate();
            var target = new TSrc();
            return () =>
            {
                fill(target);
                return !predicate(target);
            };
        }
    }
}
