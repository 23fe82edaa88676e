using Microsoft.ML.AutoML;
using SearchSpace = Microsoft.ML.SearchSpace.SearchSpace;

namespace Peft.Estimators.AutoML;

/// <summary>Adds fine-tuning to ML.NET's catalog of what experiments are made of.</summary>
public static class PeftAutoCatalogExtensions
{
    /// <summary>A fine-tune whose adapter settings and learning rate an experiment chooses.</summary>
    /// <remarks>
    /// Each trial takes seed, log and device from its own context, which the experiment makes like its own. Several of these in one
    /// <c>Append(a, b, c)</c> are a choice between methods. Use it with <see cref="BestModelOnly"/>: each trial's model has memory of its own.
    /// </remarks>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">The settings to start from; what is not in the space stays as it is here.</param>
    /// <param name="space">What to vary. Default: <see cref="PeftSearchSpace.Of"/> the options.</param>
    /// <exception cref="ArgumentException">A setting is empty or outside the range that its property names.</exception>
    public static SweepableEstimator PeftFineTune(this AutoCatalog catalog, PeftFineTuneOptions options, SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        options.Checked();
        return new SweepableEstimator((trial, parameter) => trial.PeftFineTune(PeftSearchSpace.Apply(options, parameter)), space ?? PeftSearchSpace.Of(options));
    }
}
