using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="XLora"/>.</summary>
/// <remarks>HF PEFT writes the classifier alone and asks for the experts' folders when it loads it. This library writes the experts into folders of their names
/// beside it, with what was trained of them.</remarks>
[AdapterMethod(
    "XLORA", AdapterFamily.Mixture, Title = "X-LoRA", Paper = "arXiv:2402.07148", Formula = "W·x + g·Σᵢ σᵢ(h)·sᵢ·Bᵢ·Aᵢ·x, h of a first pass",
    Trained = "(hidden + 1)·experts a model at depth 1", InHuggingFace = true, MixesInBatch = false)]
public sealed record XLoraOptions : AdapterOptions
{
    /// <summary>The experts: folders of LoRA adapters by name. HF PEFT needs the names 0, 1, 2, … Names that are numbers are put in their order.</summary>
    [JsonPropertyName("adapters")]
    public IReadOnlyDictionary<string, string>? Adapters { get; init; }

    /// <summary>Width of the hidden states. Default null: the model's.</summary>
    [JsonPropertyName("hidden_size")]
    public int? HiddenSize { get; init; }

    /// <summary>Shares of a token add up to 1. Default true.</summary>
    [JsonPropertyName("enable_softmax")]
    public bool EnableSoftmax { get; init; } = true;

    /// <summary>Those of the largest shares do, for <see cref="TopK"/>, instead of <see cref="EnableSoftmax"/>. Default false.</summary>
    [JsonPropertyName("enable_softmax_topk")]
    public bool EnableSoftmaxTopK { get; init; }

    /// <summary>What is divided by before the softmax, above 0: below 1 it is sharper. Default 1.</summary>
    [JsonPropertyName("softmax_temperature"), SearchRange(0.1, 10, Logarithmic = true)]
    public double Temperature { get; init; } = 1;

    /// <summary>Shares of its own for each layer. Default false.</summary>
    [JsonPropertyName("layerwise_scalings"), SearchChoices(false, true)]
    public bool Layerwise { get; init; }

    /// <summary>How many experts a token has, the others having the share 0: 1 to their count. Default null: all.</summary>
    [JsonPropertyName("top_k_lora")]
    public int? TopK { get; init; }

    /// <summary>Linear layers of the classifier: 1 or more. Default 1.</summary>
    [JsonPropertyName("xlora_depth"), SearchChoices(1, 2, 4)]
    public int Depth { get; init; } = 1;

    /// <summary>Width of the classifier where it has more than one layer: 1 or more. Default 2048.</summary>
    [JsonPropertyName("xlora_size")]
    public int Size { get; init; } = 2048;

    /// <summary>Share of the classifier's inner numbers that is dropped while training: 0 to 0.99. Default 0.2.</summary>
    [JsonPropertyName("xlora_dropout_p"), SearchRange(0, 0.5)]
    public double Dropout { get; init; } = 0.2;

    /// <summary>Train the experts too. Default false.</summary>
    [JsonPropertyName("use_trainable_adapters")]
    public bool TrainsExperts { get; init; }

    /// <summary>The share of every expert in the first pass; 0 is the bare base model. Default 0.</summary>
    [JsonPropertyName("scaling_pass_value")]
    public double ScalingPassValue { get; init; }

    /// <summary>g, what every expert's update is multiplied by. Default 1.</summary>
    [JsonPropertyName("global_scaling_weight"), SearchRange(0.5, 4, Logarithmic = true)]
    public double GlobalScalingWeight { get; init; } = 1;

    /// <summary>Settings of the experts, in files that hold their numbers too, such as a saved ML.NET model; adapter folders have none.</summary>
    [JsonPropertyName("experts"), JsonInclude, JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    internal IReadOnlyList<LoraOptions>? Experts { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool HasTargets => false;

    [JsonIgnore]
    internal bool ExpertsAreInFile => IsStored && Experts is not null;

    /// <summary>Names of the experts in the order of the classifier's outputs.</summary>
    [JsonIgnore]
    internal IReadOnlyList<string> Names
    {
        get
        {
            var names = Adapters!.Keys.ToList();
            return names.TrueForAll(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                ? [.. names.OrderBy(name => int.Parse(name, CultureInfo.InvariantCulture))]
                : names;
        }
    }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        RefuseTargets();
        if (Adapters is not { Count: > 0 })
        {
            throw new ArgumentException("Adapters is empty; give the folders of at least one LoRA adapter, by name.");
        }

        if (Adapters.Keys.FirstOrDefault(name => name.Length == 0 || name[0] == '.' || name.AsSpan().IndexOfAny('/', '\\', ':') >= 0) is { } bad)
        {
            throw new ArgumentException($"Adapters has the name '{bad}'; a name becomes a folder, so it must not be empty, begin with a dot or have a separator.");
        }

        if (Experts is not null && Experts.Count != Adapters.Count)
        {
            throw new ArgumentException($"There are settings of {Experts.Count} experts and {Adapters.Count} names of Adapters; there must be as many.");
        }

        Guard.Positive(Temperature);
        Guard.AtLeast(Depth, 1);
        Guard.AtLeast(Size, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.InRange(ScalingPassValue, -1e6, 1e6);
        Guard.InRange(GlobalScalingWeight, -1e6, 1e6);
        if (TopK is { } count)
        {
            Guard.InRange(count, 1, Adapters.Count, nameof(TopK));
        }
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions For(Backbone backbone)
        => backbone is not (Decoder or TextEncoder)
            ? throw new PeftException($"X-LoRA reads the hidden states of tokens; a model of type '{backbone.Config.ModelType}' is neither a text encoder nor a decoder.")
            : HiddenSize is { } size && size != backbone.HiddenSize
                ? throw new PeftException($"HiddenSize is {size} and the model's hidden states are {backbone.HiddenSize} wide; leave it out or set it to that.")
                : this with { HiddenSize = backbone.HiddenSize };

    /// <inheritdoc/>
    protected internal override AdapterOptions From(string folder)
        => this with { Adapters = Adapters!.ToDictionary(a => a.Key, a => Directory.Exists(Path.Combine(folder, a.Value)) ? Path.Combine(folder, a.Value) : a.Value, StringComparer.Ordinal) };

    /// <summary>Where HF PEFT leaves parts of the classifier: its file of an adapter lacks every name with the name of another one in it, such as the <c>0</c> of
    /// <c>layers.0.weight</c> and of the first expert, and the file in that expert's folder has it without that name.</summary>
    protected internal override IReadOnlyDictionary<string, (string File, string Name)> Elsewhere(string folder, IReadOnlyCollection<string> names)
        => XLoraExperts.LostNames(Names, folder, names);

    /// <inheritdoc/>
    protected internal override AdapterOptions WriteBeside(AdapterSet adapter, string folder)
    {
        var experts = adapter.Adapters.OfType<XLoraClassifier>().Single().Experts;
        foreach (var expert in experts)
        {
            AdapterCheckpoint.Write(expert, Path.Combine(folder, expert.Name), null, "");
        }

        return this with { Adapters = experts.ToDictionary(e => e.Name, e => e.Name, StringComparer.Ordinal), Experts = null };
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
        => this with { Experts = [.. adapter.Adapters.OfType<XLoraClassifier>().Single().Experts.Select(e => (LoraOptions)e.Options!)] };

    /// <inheritdoc/>
    protected internal override IEnumerable<string> NotesOn(IReadOnlyList<Adapter> parts)
    {
        if (EnableSoftmax && EnableSoftmaxTopK)
        {
            yield return "EnableSoftmax and EnableSoftmaxTopK are both set, so that shares go through two softmaxes and come out alike; one of them is meant.";
        }

        if (EnableSoftmaxTopK && TopK is null)
        {
            yield return "EnableSoftmaxTopK is set and TopK is not: the softmax is over all experts.";
        }
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var experts = XLoraExperts.Create(this, build.Backbone);
        var parts = experts.SelectMany((set, index) => set.Adapters.OfType<LayerAdapter>(), (set, part) => (Index: experts.TakeWhile(e => e != set).Count(), Part: part))
            .ToLookup(e => e.Part.Target.Index);
        var targets = parts.OrderBy(p => p.Key).Select(p => p.First().Part.Target).ToList();

        // Layers are counted as Hugging Face's modules are registered, embeddings first.
        Layer[] order = [.. targets.OfType<EmbeddingLayer>(), .. new AdapterBuild([.. targets.OfType<LinearLayer>()], build.Initialization, build.Backbone).RegisteredTargets()];
        var classifier = new XLoraClassifier(this, experts, order.Length, build);
        yield return classifier;
        for (var k = 0; k < order.Length; k++)
        {
            var on = parts[order[k].Index].ToList();
            yield return order[k] is EmbeddingLayer table
                ? new XLoraEmbedding(table, classifier, [.. on.Select(e => (e.Index, (LoraEmbedding)e.Part))], k)
                : new XLora((LinearLayer)order[k], classifier, [.. on.Select(e => (e.Index, (Lora)e.Part))], k);
        }
    }
}
