using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft;

/// <summary>A frozen base model with an adapter and a head that sorts texts into classes.</summary>
/// <remarks>Predicting is safe on several threads at once; training and saving are not.</remarks>
public sealed class TextClassifier : IDisposable
{
    private const int RowsAtOnce = 64;

    private readonly ClassifierSettings _settings;
    private readonly string[] _notes;

    private TextClassifier(
        string baseModel, HuggingFaceTokenizer tokenizer, PretrainedModel model, TextBackbone encoder, ClassifierSettings settings, CopiedModules copies)
    {
        (BaseModel, Tokenizer, Model) = (baseModel, tokenizer, model);
        _notes = model.NewLayers.Count == 0
            ? []
            : [$"New layers, not in the checkpoint, drawn with seed {settings.Seed}: {string.Join(", ", model.NewLayers)}."];
        Adapter = AdapterSet.Create("default", settings.Adapter, model.Backbone, copies, settings.Seed);
        _settings = settings;
        KeptLayers = copies.Kept;
    }

    /// <summary>What it was made from, with the adapter's targets filled in.</summary>
    public ClassifierSettings Settings => _settings with { Adapter = Adapter.Options };

    /// <summary>The base model's folder as it was given.</summary>
    public string BaseModel { get; }

    /// <summary>Class names in the order of the scores.</summary>
    public IReadOnlyList<string> Labels => _settings.Labels;

    /// <summary>Turns texts into the base model's tokens.</summary>
    public HuggingFaceTokenizer Tokenizer { get; }

    /// <summary>The frozen base model and its head.</summary>
    public PretrainedModel Model { get; }

    /// <summary>The adapter with its copy of the head: all that is trained.</summary>
    public AdapterSet Adapter { get; }

    /// <summary>Count of numbers that are trained.</summary>
    public long TrainableCount => Adapter.TrainableCount;

    /// <summary>Count of all numbers: base model, head and adapter.</summary>
    public long TotalCount => Model.Layers.SelectMany(l => l.Tensors()).Sum(t => t.Tensor.numel()) + Adapter.Count;

    /// <summary>Layers that the checkpoint had not, saved with the adapter and not trained.</summary>
    internal IReadOnlyList<string> KeptLayers { get; }

    /// <summary>Where it computes.</summary>
    internal Device Device => Model.Layers.SelectMany(l => l.Tensors()).First().Tensor.device;

    /// <summary>What a user should know about how it was made, one sentence each.</summary>
    public IReadOnlyList<string> Notes => [.. _notes, .. Adapter.Notes];

    /// <summary>Puts a new adapter and, where the checkpoint has none of this size, a new head on a base model.</summary>
    /// <param name="baseModelFolder">Hugging Face folder: config.json, tokenizer.json, *.safetensors.</param>
    /// <param name="settings">Classes, adapter, seed.</param>
    /// <exception cref="ModelFormatException">The folder is missing or does not hold a valid model.</exception>
    /// <exception cref="PeftException">The architecture or the adapter's targets do not fit.</exception>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public static TextClassifier Load(string baseModelFolder, ClassifierSettings settings)
    {
        settings.Validate();
        var config = ModelConfig.Load(baseModelFolder);
        using var weights = WeightFolder.Open(baseModelFolder);
        var tokenizer = HuggingFaceTokenizer.Load(baseModelFolder);
        return Build(baseModelFolder, config, tokenizer, weights.Entries, weights.ReadInto, settings);
    }

    /// <summary>Puts an adapter that HF PEFT or this library has written on its base model.</summary>
    /// <param name="baseModelFolder">Hugging Face folder of the base model.</param>
    /// <param name="adapterFolder">Folder with adapter_config.json and adapter_model.safetensors.</param>
    /// <param name="settings">Classes, seed and length; its adapter is taken from the folder.</param>
    /// <exception cref="ModelFormatException">A folder is missing, not valid, or the adapter is for another model.</exception>
    public static TextClassifier LoadAdapter(string baseModelFolder, string adapterFolder, ClassifierSettings settings)
    {
        var model = Load(baseModelFolder, settings with { Adapter = AdapterCheckpoint.ReadOptions(adapterFolder) });
        try
        {
            AdapterCheckpoint.ReadTensors(model.Adapter, adapterFolder);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote. It is data alone: no code is named in it.</summary>
    /// <param name="package">The bytes.</param>
    /// <param name="name">What to call them in messages.</param>
    /// <param name="baseModelFolder">Where the base model is, for a package that was saved without it; null for the folder it was saved from.</param>
    /// <param name="device">Where it computes: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</param>
    /// <exception cref="ModelFormatException">The bytes are not such a package, are damaged, or the base model is another one.</exception>
    public static TextClassifier Load(ReadOnlyMemory<byte> package, string name, string? baseModelFolder = null, string device = "cpu")
    {
        using var file = ClassifierPackage.Open(package, name);
        var settings = file.Settings with { Device = device };
        var folder = baseModelFolder ?? file.BaseModel;
        using var weights = file.BaseHash is null ? null : WeightFolder.Open(folder);
        var model = weights is null
            ? Build(file.BaseModel, file.Config, file.Tokenizer, file.BaseEntries, file.ReadBase, settings, file.KeptLayers)
            : Build(folder, file.Config, file.Tokenizer, weights.Entries, weights.ReadInto, settings, file.KeptLayers);
        try
        {
            file.CheckBase(model.Model, folder);
            AdapterCheckpoint.ReadTensors(model.Adapter, name, file.AdapterEntries, file.ReadAdapter);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Class probabilities of texts, in the order of the texts and of <see cref="Labels"/>.</summary>
    /// <returns>One array a text; each sums to 1.</returns>
    public float[][] Predict(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        using var context = ForwardContext.Predicting(Adapter);
        var encoded = texts.Select(Encode).ToArray();
        var order = Enumerable.Range(0, encoded.Length).OrderBy(k => encoded[k].Length).ToArray(); // rows of one length need no padding
        var scores = new float[encoded.Length][];
        foreach (var rows in order.Chunk(RowsAtOnce))
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            using var batch = new TokenBatch(rows.Select(k => encoded[k]).ToArray(), Tokenizer.PadId, device: Device);
            var flat = Logits(batch, context).to(ScalarType.Float32).softmax(-1).cpu().data<float>().ToArray();
            for (var k = 0; k < rows.Length; k++)
            {
                scores[rows[k]] = flat.AsSpan(k * Labels.Count, Labels.Count).ToArray();
            }
        }

        return scores;
    }

    /// <summary>Token ids of a text, cut to the settings' length.</summary>
    public int[] Encode(string text) => Tokenizer.Encode(text, maxLength: _settings.MaxLength).Ids;

    /// <summary>Logits (batch, classes).</summary>
    public Tensor Logits(TokenBatch batch, ForwardContext context) => Model.Forward(new ModelInputs { Tokens = batch }, context).Logits;

    /// <summary>Writes the model: base weights as they were stored, adapter, head, tokenizer and settings.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="includeBase">False to leave the base weights out and note their folder and hash instead.</param>
    public void Save(Stream destination, bool includeBase = true) => ClassifierPackage.Write(destination, this, includeBase);

    /// <summary>Writes the adapter and head as HF PEFT's adapter_config.json and adapter_model.safetensors.</summary>
    /// <exception cref="PeftException">The model has no adapter, only a head.</exception>
    public void SaveAdapter(string folder) => AdapterCheckpoint.Write(Adapter, folder, Model.Head.TaskType, BaseModel);

    /// <summary>What the adapter costs and what can be done with it.</summary>
    /// <exception cref="PeftException">The model has no adapter, only a head.</exception>
    public AdapterPlan Plan() => Adapter.Describe(Model.Backbone);

    /// <summary>Writes the model with the adapter merged into it as a Hugging Face folder, which needs no adapter any more.</summary>
    /// <param name="folder">The folder, made where it is missing.</param>
    /// <param name="removesSilentHeads">True to leave out what belongs to the heads that HEAT has silenced: see <see cref="MergedModelFolder.Write"/>.</param>
    /// <exception cref="PeftException">The method does not merge, a weight would be no number, or heads are to be removed and none is silent or the architecture does not have it.</exception>
    public void SaveMerged(string folder, bool removesSilentHeads = false) => MergedModelFolder.Write(Model, Adapter, BaseModel, folder, Labels, removesSilentHeads);

    /// <summary>Frees the weights at once.</summary>
    public void Dispose()
    {
        Adapter.Dispose();
        Model.Dispose();
    }

    private static TextClassifier Build(
        string baseModel,
        ModelConfig config,
        HuggingFaceTokenizer tokenizer,
        IReadOnlyDictionary<string, SafetensorsEntry> entries,
        Action<string, Tensor> readInto,
        ClassifierSettings settings,
        IReadOnlyList<string>? kept = null)
    {
        var model = PretrainedModel.Build(
            baseModel, config, entries, readInto, HeadKind.SequenceClassification, settings.Labels.Count, settings.Seed, Placement.On(settings.Device, settings.Precision));
        try
        {
            var encoder = model.Backbone as TextBackbone
                ?? throw new PeftException($"A model of type '{config.ModelType}' takes no text; sorting texts needs a text model.");
            if (tokenizer.VocabularySize > encoder.VocabularySize)
            {
                throw new ModelFormatException(
                    baseModel,
                    ModelFormatError.VocabMismatch,
                    $"the tokenizer has {tokenizer.VocabularySize} tokens and the model a table of {encoder.VocabularySize}; they do not belong together.");
            }

            // New layers that HF PEFT would not train are kept with the adapter: without them it could not be used again.
            var trained = new CopiedModules(model.Head.TrainedModules, []);
            kept ??= [.. model.NewLayers.Where(path => trained.Of(path) is null)];
            settings = settings with
            {
                Adapter = settings.Adapter?.WithTokens(text => tokenizer.Encode(text).Ids),
                MaxLength = Math.Min(settings.MaxLength, encoder.MaxLength - (settings.Adapter?.TokensBefore ?? 0)),
            };
            return new TextClassifier(baseModel, tokenizer, model, encoder, settings, new CopiedModules(model.Head.TrainedModules, kept));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
