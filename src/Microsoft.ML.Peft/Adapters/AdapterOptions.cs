using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of an adapter method; its JSON is HF PEFT's adapter_config.json.</summary>
public abstract record AdapterOptions
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        AllowDuplicateProperties = false,
        MaxDepth = 16,
        NewLine = "\n",
    };

    // Of HF PEFT's fields those that say where a file comes from, and those that say what is known here from the layer itself.
    private static readonly string[] s_fieldsWithoutEffect =
    [
        "auto_mapping", "base_model_name_or_path", "fan_in_fan_out", "inference_mode", "megatron_config", "megatron_core", "peft_type", "peft_version", "revision",
        "runtime_config", "task_type",
    ];

    // HF PEFT has them for methods that go on layers alone.
    private static readonly string[] s_targetFields = ["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"];

    /// <summary>Layers to adapt. Default null: the method's and architecture's own choice, for LoRA on BERT query and value.</summary>
    [JsonPropertyName("target_modules")]
    public TargetModules? TargetModules { get; init; }

    /// <summary>Layers to leave out of <see cref="TargetModules"/>. Default none.</summary>
    [JsonPropertyName("exclude_modules")]
    public TargetModules? ExcludeModules { get; init; }

    /// <summary>Blocks, from 0, whose layers are adapted; not together with a target pattern. Default: every block.</summary>
    [JsonPropertyName("layers_to_transform")]
    public OneOrMany<int>? LayersToTransform { get; init; }

    /// <summary>Names of the block lists that <see cref="LayersToTransform"/> counts in, for example <c>layer</c>. Default: any.</summary>
    [JsonPropertyName("layers_pattern")]
    public OneOrMany<string>? LayersPattern { get; init; }

    /// <summary>Layers trained as full copies beside the adapter, by module name. Default: the task's head alone.</summary>
    [JsonPropertyName("modules_to_save")]
    public IReadOnlyList<string>? ModulesToSave { get; init; }

    /// <summary>Fields of a file that this version does not know or need; written back as they came.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? OtherFields { get; set; }

    /// <summary>The registry row of the method.</summary>
    [JsonIgnore]
    public AdapterMethodAttribute Method => AdapterRegistry.RowOf(GetType());

    /// <summary>Fields of HF PEFT's file that change the result where they are set and that are not supported here.</summary>
    [JsonIgnore]
    protected virtual IReadOnlyList<string> UnsupportedFields => [];

    /// <summary>Fields of HF PEFT's file for the method that change nothing, neither there nor here.</summary>
    [JsonIgnore]
    protected virtual IReadOnlyList<string> FieldsWithoutEffect => [];

    /// <summary>Fields that are set and not known: those of a newer HF PEFT, for example. They are kept and change nothing.</summary>
    [JsonIgnore]
    internal IEnumerable<string> UnknownFields
        => (OtherFields ?? new Dictionary<string, JsonElement>()).Where(f => IsSet(f.Value)).Select(f => f.Key)
            .Except(s_fieldsWithoutEffect).Except(s_targetFields).Except(FieldsWithoutEffect).Except(UnsupportedFields).Order(StringComparer.Ordinal);

    /// <summary>Reads adapter_config.json.</summary>
    /// <exception cref="PeftException">It names a method, or sets a field, that is not supported.</exception>
    /// <exception cref="FormatException">It is no valid configuration.</exception>
    public static AdapterOptions FromJson(string json, string name)
    {
        try
        {
            var node = JsonNode.Parse(json, documentOptions: new() { MaxDepth = 16, AllowDuplicateProperties = false })?.AsObject()
                ?? throw new FormatException($"{name} is empty.");
            var type = node["peft_type"]?.GetValue<string>()
                ?? throw new FormatException($"{name} has no 'peft_type', which names the adapter method.");
            var options = (AdapterOptions)node.Deserialize(AdapterRegistry.OptionsOf(type), s_json)!;
            options.RefuseUnsupported(name);
            options.Validate();
            return options;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"{name} is no valid adapter configuration: {error.Message}", error);
        }
    }

    /// <summary>Writes adapter_config.json: the fields in alphabetical order, as HF PEFT does.</summary>
    public string ToJson()
    {
        var fields = JsonSerializer.SerializeToNode(this, GetType(), s_json)!.AsObject();
        fields["peft_type"] = Method.Name;
        foreach (var unused in HasTargets ? [] : s_targetFields.Where(field => fields[field] is null))
        {
            fields.Remove(unused);
        }

        return new JsonObject(fields
            .OrderBy(f => f.Key, StringComparer.Ordinal)
            .Select(f => KeyValuePair.Create(f.Key, f.Value?.DeepClone()))).ToJsonString(s_json);
    }

    /// <summary>What the adapter would cost on a model and what could be done with it; nothing is trained.</summary>
    /// <param name="backbone">The model; one without weights will do.</param>
    /// <param name="copies">Which layers are trained or saved as copies, such as the head's; null for none.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    /// <exception cref="PeftException">The targets match no layer, or do not fit the method.</exception>
    public AdapterPlan Plan(Backbone backbone, CopiedModules? copies = null) => AdapterPlan.For(this, backbone, copies);

    /// <summary>Checks the settings that do not depend on a layer.</summary>
    /// <exception cref="ArgumentException">A setting is outside its range; the message names it.</exception>
    public virtual void Validate()
    {
        if (LayersToTransform is { Count: > 0 } blocks && TargetModules is { Names: null, IsAllLinear: false })
        {
            throw new ArgumentException($"LayersToTransform is {blocks} and TargetModules is the pattern '{TargetModules}'; a pattern chooses the blocks itself, so set one of them.");
        }

        if (TrainedBiases is not ("none" or "all") && !TrainedBiases.EndsWith("_only", StringComparison.Ordinal))
        {
            throw new ArgumentException($"Bias is '{TrainedBiases}'; it must be 'none', 'all' or '{Method.Name.ToLowerInvariant()}_only'.");
        }

        if (LayersPattern is { Count: > 0 } pattern && LayersToTransform is not { Count: > 0 })
        {
            throw new ArgumentException($"LayersPattern is '{pattern}' and LayersToTransform is not set; set both.");
        }
    }

    /// <summary>What stands before the paths of layers in the checkpoint's names. Default <c>base_model.model.</c>.</summary>
    [JsonIgnore]
    protected internal virtual string PathPrefix => "base_model.model.";

    /// <summary>Which biases are trained beside the method: <c>none</c>, <c>all</c>, or <c>…_only</c> for those of the adapted layers. Default <c>none</c>.</summary>
    [JsonIgnore]
    protected internal virtual string TrainedBiases => "none";

    /// <summary>True for a method that goes on layers; false for one that works on the whole model, such as prompts.</summary>
    [JsonIgnore]
    protected internal virtual bool HasTargets => true;

    /// <summary>True if it can be merged with these settings. Default: what the registry row says.</summary>
    [JsonIgnore]
    protected internal virtual bool CanMerge => Method.Merges;

    /// <summary>True if rows of one batch can go through it and others with these settings. Default: what the registry row says.</summary>
    [JsonIgnore]
    protected internal virtual bool MixesInBatch => Method.MixesInBatch;

    /// <summary>Names, or ends of paths, of tensors of modules that the method goes on beside its target modules. Default none.</summary>
    [JsonIgnore]
    protected internal virtual IReadOnlyList<string> ParameterTargets => [];

    /// <summary>Positions of the model that the method takes from its input: trained tokens, or trained keys. Default 0.</summary>
    [JsonIgnore]
    protected internal virtual int TokensBefore => 0;

    /// <summary>True where the settings come with the trained numbers of a file, so that what only helps training is left out.</summary>
    internal bool IsStored { get; init; }

    /// <summary>The settings with what they leave to the model filled in. Default: unchanged.</summary>
    /// <exception cref="PeftException">The method cannot go on the model.</exception>
    protected internal virtual AdapterOptions For(Backbone backbone) => this;

    /// <summary>The settings of an adapter folder with the paths in them resolved. Default: unchanged.</summary>
    protected internal virtual AdapterOptions From(string folder) => this;

    /// <summary>Writes what the method keeps in folders beside the adapter's file. Default: nothing.</summary>
    /// <returns>The settings that the file says.</returns>
    protected internal virtual AdapterOptions WriteBeside(AdapterSet adapter, string folder) => this;

    /// <summary>Tensors of the adapter that other files of its folder hold, by their names: the file, and the name there. Default: none.</summary>
    /// <param name="folder">The adapter folder.</param>
    /// <param name="names">What the adapter's own file holds.</param>
    protected internal virtual IReadOnlyDictionary<string, (string File, string Name)> Elsewhere(string folder, IReadOnlyCollection<string> names)
        => new Dictionary<string, (string, string)>();

    /// <summary>The settings with the token ids of the texts that they name. Default: unchanged.</summary>
    /// <param name="encode">Gives the ids of a text.</param>
    protected internal virtual AdapterOptions WithTokens(Func<string, int[]> encode) => this;

    /// <summary>True if the method can go on a layer. Default: linear layers.</summary>
    protected internal virtual bool Adapts(Layer layer) => layer is LinearLayer;

    /// <summary>The layers of the method where the user names none. Default: the architecture's, as in HF PEFT.</summary>
    protected internal virtual IReadOnlyList<string> DefaultTargets(Backbone backbone) => backbone.TargetsOf(Method.Name);

    /// <summary>What the method goes on where the user says nothing, or null where the user must say. Default: <see cref="DefaultTargets"/>.</summary>
    protected internal virtual TargetModules? DefaultSelection(Backbone backbone)
        => DefaultTargets(backbone) is { Count: > 0 } names ? TargetModules.Named(names) : null;

    /// <summary>Makes the parts of a new adapter with their start values: those that layers share first, then in order of the layers.</summary>
    protected internal abstract IEnumerable<Adapter> CreateParts(AdapterBuild build);

    /// <summary>What is added to the loss while training, or null. Default: nothing.</summary>
    protected internal virtual Tensor? Penalty(AdapterSet adapter) => null;

    /// <summary>What the method does between the steps of a training run, or null. Default: nothing.</summary>
    protected internal virtual AdapterTraining? CreateTraining(AdapterSet adapter) => null;

    /// <summary>What a user should know about the parts that were made, one sentence each. Default: nothing.</summary>
    protected internal virtual IEnumerable<string> NotesOn(IReadOnlyList<Adapter> parts) => [];

    /// <summary>What the method measures of the base model before the first step, or null. Default: nothing.</summary>
    /// <param name="adapter">The adapter, just made.</param>
    /// <param name="seed">Seed of what is drawn.</param>
    protected internal virtual AdapterCalibration? CreateCalibration(AdapterSet adapter, long seed) => null;

    /// <summary>The settings as they are now, which the file will say: with what the layers or the training have settled. Default: unchanged.</summary>
    protected internal virtual AdapterOptions Settled(AdapterSet adapter) => this;

    /// <summary>Refuses names of layers, for a method that has no use for them.</summary>
    /// <exception cref="ArgumentException">There are some.</exception>
    protected void RefuseTargets()
    {
        if ((TargetModules ?? ExcludeModules) is { } names)
        {
            throw new ArgumentException($"{Method.Name} chooses its places itself; TargetModules and ExcludeModules, which say '{names}', must not be set.");
        }
    }

    private void RefuseUnsupported(string name)
    {
        foreach (var field in UnsupportedFields)
        {
            if (OtherFields is not null && OtherFields.TryGetValue(field, out var value) && IsSet(value))
            {
                throw new PeftException($"{name} sets '{field}' to {value.GetRawText()}, which is not supported for {Method.Name} and would change what the adapter computes. Take the field out to do without it, or merge the adapter where it was trained.");
            }
        }
    }

    private static bool IsSet(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.String => value.GetString() is not ("" or "none"),
        _ => true,
    };
}
