using Microsoft.ML;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Peft.Estimators.FineTune;
using Peft.Estimators.Persistence;

namespace Peft.Estimators;

/// <summary>The tasks of Peft.ML for one <see cref="MLContext"/>: <c>ml.Peft().TextClassification(…)</c>.</summary>
/// <remarks>What is made here takes its seed, log and device from the context.</remarks>
public sealed class PeftCatalog
{
    private readonly MLContext _context;

    internal PeftCatalog(MLContext context) => _context = context;

    /// <summary>Fine-tunes the base model in a folder to tell the classes of a text.</summary>
    /// <param name="model">Folder of the base model: config.json, tokenizer.json and *.safetensors.</param>
    /// <param name="adapter">Adapter to train. Default: LoRA with its own defaults.</param>
    /// <param name="inputColumn">Text column to read.</param>
    /// <param name="labelColumn">Key column to learn.</param>
    /// <exception cref="ArgumentException">A name is empty or used twice.</exception>
    public PeftFineTuneEstimator TextClassification(
        string model,
        AdapterOptions? adapter = null,
        string inputColumn = PeftFineTuneOptions.DefaultInputColumn,
        string labelColumn = PeftFineTuneOptions.DefaultLabelColumn)
    {
        var options = new PeftFineTuneOptions { Model = model, InputColumn = inputColumn, LabelColumn = labelColumn };
        return TextClassification(adapter is null ? options : options with { Adapter = adapter });
    }

    /// <summary>Fine-tunes a base model to tell the classes of a text.</summary>
    /// <exception cref="ArgumentException">A setting is empty or outside the range that its property names.</exception>
    public PeftFineTuneEstimator TextClassification(PeftFineTuneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return _context.PeftFineTune(options with { Task = PeftTask.TextClassification });
    }

    /// <summary>Sorts pictures by the names of their classes with a CLIP, whose adapter learns from a few pictures of each class.</summary>
    /// <param name="model">Folder of the base model: config.json, tokenizer.json, preprocessor_config.json and *.safetensors.</param>
    /// <param name="adapter">Adapter to train. Default: CLIP-SVD with its own defaults.</param>
    /// <param name="inputColumn">Column of the pictures: paths, or the bytes of files.</param>
    /// <param name="labelColumn">Key column to learn, whose values are the names of the classes.</param>
    /// <exception cref="ArgumentException">A name is empty or used twice.</exception>
    public FewShotImageEstimator FewShotImageClassification(
        string model,
        AdapterOptions? adapter = null,
        string inputColumn = FewShotImageOptions.DefaultInputColumn,
        string labelColumn = PeftFineTuneOptions.DefaultLabelColumn)
    {
        var options = new FewShotImageOptions { Model = model, InputColumn = inputColumn, LabelColumn = labelColumn };
        return FewShotImageClassification(adapter is null ? options : options with { Adapter = adapter });
    }

    /// <summary>Sorts pictures by the names of their classes with a CLIP, whose adapter learns from a few pictures of each class; without an adapter, from none.</summary>
    /// <exception cref="ArgumentException">A setting is empty or outside the range that its property names.</exception>
    public FewShotImageEstimator FewShotImageClassification(FewShotImageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new FewShotImageEstimator(_context.Transforms, TrainingContext.Of(_context), options);
    }

    /// <summary>Gives a model that was read by <c>Model.Load</c> its own transformers back.</summary>
    /// <remarks>
    /// What <c>Model.Load</c> gives predicts the same numbers, but row by row and with a Score of unknown length.
    /// The result here predicts in batches, has the class names and can be evaluated, as before it was saved.
    /// It owns new models: dispose it when done.
    /// </remarks>
    /// <param name="loaded">What <c>Model.Load</c> gave.</param>
    /// <param name="baseModelFolder">
    /// For models saved with <see cref="BaseModelStorage.Reference"/>: the folder of the base model. Default: where it was when saved.
    /// </param>
    /// <returns>The same steps, with a <see cref="PeftFineTuneTransformer"/> or <see cref="FewShotImageTransformer"/> wherever one was saved.</returns>
    /// <exception cref="PeftException">The saved package cannot be read.</exception>
    public ITransformer Rehydrate(ITransformer loaded, string? baseModelFolder = null)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        return new Rehydration(_context.Transforms, baseModelFolder).Of(loaded);
    }
}

/// <summary>Adds fine-tuning to ML.NET's own catalogs.</summary>
public static class PeftCatalogExtensions
{
    /// <summary>The tasks of Peft.ML for this context.</summary>
    public static PeftCatalog Peft(this MLContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new PeftCatalog(context);
    }

    /// <summary>Fine-tunes a base model; seed, log and device come from the context.</summary>
    /// <exception cref="ArgumentException">A setting is empty or outside the range that its property names.</exception>
    public static PeftFineTuneEstimator PeftFineTune(this MLContext context, PeftFineTuneOptions options)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new PeftFineTuneEstimator(context.Transforms, TrainingContext.Of(context), options);
    }

    /// <inheritdoc cref="PeftFineTune(MLContext, PeftFineTuneOptions)"/>
    public static PeftFineTuneEstimator PeftFineTune(this TransformsCatalog catalog, MLContext context, PeftFineTuneOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return context.PeftFineTune(options);
    }

    /// <summary>Fine-tunes a base model.</summary>
    /// <remarks>
    /// A catalog does not tell its context: nothing is logged, and the seed is 0 unless the options give one.
    /// <see cref="PeftFineTune(MLContext, PeftFineTuneOptions)"/> knows both.
    /// </remarks>
    /// <exception cref="ArgumentException">A setting is empty or outside the range that its property names.</exception>
    public static PeftFineTuneEstimator PeftFineTune(this TransformsCatalog catalog, PeftFineTuneOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new PeftFineTuneEstimator(catalog, TrainingContext.None, options);
    }

    /// <summary>Sorts pictures by the names of their classes with a CLIP, whose adapter learns from a few pictures of each class.</summary>
    /// <remarks>A catalog does not tell its context: nothing is logged, and the seed is 0 unless the options give one. <see cref="PeftCatalog.FewShotImageClassification(FewShotImageOptions)"/> knows both.</remarks>
    /// <exception cref="ArgumentException">A setting is empty or outside the range that its property names.</exception>
    public static FewShotImageEstimator PeftFewShotImages(this TransformsCatalog catalog, FewShotImageOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new FewShotImageEstimator(catalog, TrainingContext.None, options);
    }
}
