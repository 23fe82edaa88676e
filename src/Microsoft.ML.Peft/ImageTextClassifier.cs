using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Procedures.ZeroShot;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft;

/// <summary>A frozen model of pictures and texts such as CLIP that sorts pictures into classes by their names, with or without an adapter.</summary>
/// <remarks>Predicting is safe on several threads at once; training and saving are not.</remarks>
public sealed class ImageTextClassifier : IDisposable
{
    private const int RowsAtOnce = 64;

    private readonly ImageTextSettings _settings;
    private readonly ZeroShotClassifier _classifier;

    private ImageTextClassifier(string baseModel, HuggingFaceTokenizer tokenizer, ImageProcessor processor, PretrainedModel model, ImageTextSettings settings)
    {
        (BaseModel, Tokenizer, Processor, Model, _settings) = (baseModel, tokenizer, processor, model, settings);
        Size = processor.OutputSize ?? throw new PeftException("The image processor keeps the proportions of pictures; a model of pictures and texts needs one size: give 'size' or 'crop_size' in preprocessor_config.json.");
        Adapter = settings.Adapter is null ? null : AdapterSet.Create("default", settings.Adapter, model.Backbone, new CopiedModules([], []), settings.Seed);
        _classifier = new ZeroShotClassifier(model, settings.Prompts, text => tokenizer.Encode(text).Ids, tokenizer.PadId, Adapter, settings.LogitScale);
    }

    /// <summary>What it was made from, with the adapter's targets filled in.</summary>
    public ImageTextSettings Settings => _settings with { Adapter = Adapter?.Options };

    /// <summary>The base model's folder as it was given.</summary>
    public string BaseModel { get; }

    /// <summary>Class names in the order of the scores.</summary>
    public IReadOnlyList<string> Labels => _settings.Labels;

    /// <summary>Turns texts into tokens.</summary>
    public HuggingFaceTokenizer Tokenizer { get; }

    /// <summary>Turns pictures into pixels.</summary>
    public ImageProcessor Processor { get; }

    /// <summary>The frozen base model.</summary>
    public PretrainedModel Model { get; }

    /// <summary>The adapter, all that is trained; or null.</summary>
    public AdapterSet? Adapter { get; }

    /// <summary>Count of numbers that are trained.</summary>
    public long TrainableCount => Adapter?.TrainableCount ?? 0;

    /// <summary>Count of all numbers: base model and adapter.</summary>
    public long TotalCount => Model.Layers.SelectMany(l => l.Tensors()).Sum(t => t.Tensor.numel()) + (Adapter?.Count ?? 0);

    private ImageSize Size { get; }

    /// <summary>Makes a classifier of a base model, class names and an adapter.</summary>
    /// <param name="baseModelFolder">Hugging Face folder of a CLIP: config.json, tokenizer.json, preprocessor_config.json, *.safetensors.</param>
    /// <param name="settings">Classes, templates, adapter.</param>
    /// <exception cref="ModelFormatException">The folder is missing or does not hold a valid model.</exception>
    /// <exception cref="PeftException">The architecture or the adapter's targets do not fit.</exception>
    /// <exception cref="ArgumentException">A setting is outside its range, or the model is of another kind.</exception>
    public static ImageTextClassifier Load(string baseModelFolder, ImageTextSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        var config = ModelConfig.Load(baseModelFolder);
        using var weights = WeightFolder.Open(baseModelFolder);
        var (tokenizer, processor) = (HuggingFaceTokenizer.Load(baseModelFolder), ImageProcessor.Load(baseModelFolder));
        return Build(baseModelFolder, config, tokenizer, processor, weights.Entries, weights.ReadInto, settings);
    }

    /// <summary>Reads what <see cref="Save"/> wrote. It is data alone: no code is named in it.</summary>
    /// <param name="package">The bytes.</param>
    /// <param name="name">What to call them in messages.</param>
    /// <param name="baseModelFolder">Where the base model is, for a package that was saved without it; null for the folder it was saved from.</param>
    /// <exception cref="ModelFormatException">The bytes are not such a package, are damaged, or the base model is another one.</exception>
    public static ImageTextClassifier Load(ReadOnlyMemory<byte> package, string name, string? baseModelFolder = null)
    {
        using var file = ImageTextPackage.Open(package, name);
        var folder = baseModelFolder ?? file.BaseModel;
        using var weights = file.BaseHash is null ? null : WeightFolder.Open(folder);
        var model = weights is null
            ? Build(file.BaseModel, file.Config, file.Tokenizer, file.Processor, file.BaseEntries, file.ReadBase, file.Settings)
            : Build(folder, file.Config, file.Tokenizer, file.Processor, weights.Entries, weights.ReadInto, file.Settings);
        try
        {
            file.CheckBase(model.Model, folder);
            if (model.Adapter is not null)
            {
                AdapterCheckpoint.ReadTensors(model.Adapter, name, file.AdapterEntries, file.ReadAdapter);
            }

            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Teaches the adapter some pictures of each class.</summary>
    /// <param name="pictures">The pictures.</param>
    /// <param name="labels">Class of each, from 0.</param>
    /// <param name="options">Steps, batch size, learning rate.</param>
    /// <param name="augmentation">How pictures are changed in each step; null for rectangles of 8 to 100 % of the area, mirrored or not.</param>
    /// <param name="progress">Called after each step with its number, from 1, and its loss.</param>
    /// <param name="cancellation">Stops before the next step.</param>
    /// <exception cref="ArgumentException">A setting or a label is outside its range, or the counts differ.</exception>
    /// <exception cref="PeftException">There is no adapter, or the loss stopped being a number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the adapter is as the last step left it.</exception>
    public TrainingReport Fit(
        IReadOnlyList<RgbImage> pictures,
        IReadOnlyList<int> labels,
        FewShotOptions options,
        ImageAugmentation? augmentation = null,
        Action<long, double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        ArgumentNullException.ThrowIfNull(labels);
        if (pictures.Count != labels.Count)
        {
            throw new ArgumentException($"There are {pictures.Count} pictures and {labels.Count} labels; give one label for each picture.", nameof(labels));
        }

        return FewShotTraining.Fit(_classifier, new FewShotPictures(pictures, Processor, augmentation).Of, labels, options, progress, cancellation);
    }

    /// <summary>The pixels of a picture, as <see cref="Predict"/> takes them: 3·height·width numbers.</summary>
    public float[] PixelsOf(RgbImage picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var pixels = new float[3 * Size.Width * Size.Height];
        Processor.Process(picture, pixels);
        return pixels;
    }

    /// <summary>Class probabilities of pictures, in the order of the pictures and of <see cref="Labels"/>.</summary>
    /// <param name="pixels">What <see cref="PixelsOf"/> gives of each picture.</param>
    /// <returns>One array a picture; each sums to 1.</returns>
    /// <exception cref="ArgumentException">A picture has another count of numbers.</exception>
    public float[][] Predict(IReadOnlyList<float[]> pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        var length = 3 * Size.Width * Size.Height;
        if (pixels.FirstOrDefault(p => p.Length != length) is { } wrong)
        {
            throw new ArgumentException($"A picture has {wrong.Length} numbers; this model takes {length}, as {nameof(PixelsOf)} gives them.", nameof(pixels));
        }

        var scores = new List<float[]>(pixels.Count);
        foreach (var rows in pixels.Chunk(RowsAtOnce))
        {
            using var scope = NewDisposeScope();
            var batch = new float[rows.Length * length];
            for (var k = 0; k < rows.Length; k++)
            {
                rows[k].CopyTo(batch, k * length);
            }

            var flat = _classifier.Predict(tensor(batch, [rows.Length, 3, Size.Height, Size.Width])).data<float>().ToArray();
            scores.AddRange(Enumerable.Range(0, rows.Length).Select(k => flat.AsSpan(k * Labels.Count, Labels.Count).ToArray()));
        }

        return [.. scores];
    }

    /// <summary>Writes the model: base weights as they were stored, adapter, tokenizer, image processor and settings.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="includeBase">False to leave the base weights out and note their folder and hash instead.</param>
    public void Save(Stream destination, bool includeBase = true) => ImageTextPackage.Write(destination, this, includeBase);

    /// <summary>Writes the adapter as adapter_config.json and adapter_model.safetensors.</summary>
    /// <exception cref="PeftException">The model has no adapter.</exception>
    public void SaveAdapter(string folder)
        => AdapterCheckpoint.Write(Adapter ?? throw new PeftException("The model has no adapter that could be saved; it compares pictures and texts as its base model does."), folder, Model.Head.TaskType, BaseModel);

    /// <summary>Frees the weights at once.</summary>
    public void Dispose()
    {
        _classifier.Dispose();
        Adapter?.Dispose();
        Model.Dispose();
    }

    private static ImageTextClassifier Build(
        string baseModel,
        ModelConfig config,
        HuggingFaceTokenizer tokenizer,
        ImageProcessor processor,
        IReadOnlyDictionary<string, SafetensorsEntry> entries,
        Action<string, Tensor> readInto,
        ImageTextSettings settings)
    {
        var model = PretrainedModel.Build(baseModel, config, entries, readInto, HeadKind.Contrastive, null, settings.Seed);
        try
        {
            var encoder = model.Backbone as ImageTextEncoder
                ?? throw new PeftException($"A model of type '{config.ModelType}' does not compare pictures with texts; sorting pictures by names needs a CLIP model.");
            if (tokenizer.VocabularySize > encoder.VocabularySize)
            {
                throw new ModelFormatException(
                    baseModel,
                    ModelFormatError.VocabMismatch,
                    $"the tokenizer has {tokenizer.VocabularySize} tokens and the model a table of {encoder.VocabularySize}; they do not belong together.");
            }

            return new ImageTextClassifier(baseModel, tokenizer, processor, model, settings);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
