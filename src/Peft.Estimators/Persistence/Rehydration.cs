using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Microsoft.ML.Transforms;
using Peft.Estimators.FineTune;

namespace Peft.Estimators.Persistence;

/// <summary>Finds saved steps in what <c>Model.Load</c> gave, and makes transformers of this package of them again.</summary>
internal sealed class Rehydration(TransformsCatalog catalog, string? baseModelFolder)
{
    private static readonly TransformerScope[] Scopes = [TransformerScope.Training, TransformerScope.Testing, TransformerScope.Scoring];

    public ITransformer Of(ITransformer loaded)
    {
        if (loaded is not TransformerChain<ITransformer> chain)
        {
            return loaded;
        }

        var steps = chain.ToArray();
        if (steps.Any(step => step is CustomMappingTransformer<TextClassificationInput, TextClassificationOutput>))
        {
            return Open(steps);
        }

        if (steps.Any(step => step is CustomMappingTransformer<ImagePathInput, ImageClassificationOutput> or CustomMappingTransformer<ImageBytesInput, ImageClassificationOutput>))
        {
            return new FewShotImageTransformer(catalog, SavedImageClassifier.Read(Package(steps), baseModelFolder), report: null);
        }

        var opened = new List<ITransformer>();
        try
        {
            foreach (var step in steps)
            {
                opened.Add(Of(step));
            }
        }
        catch
        {
            foreach (var made in opened.Except(steps).OfType<IDisposable>())
            {
                made.Dispose();
            }

            throw;
        }

        return steps.SequenceEqual(opened) ? chain : new TransformerChain<ITransformer>(opened, steps.Select(step => ScopeOf(chain, step)));
    }

    private PeftFineTuneTransformer Open(IEnumerable<ITransformer> steps)
    {
        var saved = SavedClassifier.Read(Package(steps), baseModelFolder);
        return new(catalog, saved.Model, saved.Columns, saved.Labels, saved.Storage, report: null);
    }

    private static ReadOnlyMemory<char> Package(IEnumerable<ITransformer> steps)
    {
        // The first look-up is the package's; the second one maps classes to their values.
        var lookUp = steps.OfType<ValueMappingTransformer>().FirstOrDefault()
            ?? throw new PeftException("The saved model is damaged: the step that holds its package is missing.");
        var row = lookUp.Transform(SavedChain.KeyRow());
        var column = row.Schema[TemporaryColumns.Package];
        using var cursor = row.GetRowCursor([column]);
        var getPackage = cursor.GetGetter<ReadOnlyMemory<char>>(column);
        var package = default(ReadOnlyMemory<char>);
        if (cursor.MoveNext())
        {
            getPackage(ref package);
        }

        return package;
    }

    // A chain does not tell its scopes, but it gives the steps of one.
    private static TransformerScope ScopeOf(TransformerChain<ITransformer> chain, ITransformer step)
        => Scopes.Where(scope => chain.GetModelFor(scope).Contains(step)).Aggregate(TransformerScope.None, (all, scope) => all | scope);
}
