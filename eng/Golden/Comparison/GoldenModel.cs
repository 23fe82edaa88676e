using System.Text.Json;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Peft.Golden;

/// <summary>A case brought to life: the model, its adapter, and the batch that Hugging Face was given.</summary>
internal sealed class GoldenModel : IDisposable
{
    // What the class of Hugging Face that made a checkpoint computes; a name may mean another task for audio.
    private static readonly (string Suffix, HeadKind[] Kinds)[] s_tasks =
    [
        ("ForSequenceClassification", [HeadKind.SequenceClassification, HeadKind.AudioClassification]),
        ("ForTokenClassification", [HeadKind.TokenClassification]),
        ("ForQuestionAnswering", [HeadKind.QuestionAnswering]),
        ("ForMaskedLM", [HeadKind.MaskedLanguageModel]),
        ("ForCausalLM", [HeadKind.CausalLanguageModel]),
        ("LMHeadModel", [HeadKind.CausalLanguageModel]),
        ("ForConditionalGeneration", [HeadKind.SequenceToSequence]),
        ("ForImageClassification", [HeadKind.ImageClassification]),
        ("ForAudioClassification", [HeadKind.AudioClassification]),
        ("ForCTC", [HeadKind.ConnectionistTemporalClassification]),
        ("CLIPModel", [HeadKind.Contrastive]),
        ("Model", [HeadKind.FeatureExtraction]),
    ];

    private readonly Dictionary<string, Tensor> _batch;

    private GoldenModel(GoldenCase @case, PretrainedModel model, HeadKind kind, AdapterSet? adapter, Device device)
    {
        (Case, Model, Kind, Adapter) = (@case, model, kind, adapter);
        _batch = Tensors(Path.Combine(@case.ModelFolder, "inputs.safetensors"));
        Targets = new Targets(Value("labels"), Value("start_positions"), Value("end_positions"));
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(@case.ModelFolder, "config.json")));
        Inputs = new ModelInputs
        {
            Tokens = _batch.TryGetValue("input_ids", out var ids) ? Tokens(ids, _batch.GetValueOrDefault("attention_mask"), _batch.GetValueOrDefault("token_type_ids"), device) : null,
            DecoderTokens = kind == HeadKind.SequenceToSequence ? DecoderTokens(_batch, config.RootElement, device) : null,
            Values = Value("pixel_values") ?? Value("input_values") ?? Value("input_features"),
            TaskIds = adapter?.Options?.Method.Name switch // as recorded
            {
                "POLY" => tensor(new long[] { 0, 1, 1 })[..(int)_batch.First().Value.size(0)],
                "MULTITASK_PROMPT_TUNING" => tensor(new long[] { 0, 2, 1 })[..(int)_batch.First().Value.size(0)],
                _ => null,
            },
        };

        Tensor? Value(string name) => _batch.GetValueOrDefault(name)?.to(device);
    }

    public GoldenCase Case { get; }

    public PretrainedModel Model { get; }

    public HeadKind Kind { get; }

    public AdapterSet? Adapter { get; }

    public ModelInputs Inputs { get; }

    public Targets Targets { get; }

    /// <summary>What was recorded for the case.</summary>
    public Dictionary<string, Tensor> Expected() => Tensors(Path.Combine(Case.Folder, "expected.safetensors"));

    /// <summary>What was recorded for another case of the same model.</summary>
    public static Dictionary<string, Tensor> ExpectedOf(GoldenCase other) => Tensors(Path.Combine(other.Folder, "expected.safetensors"));

    /// <summary>Reads an adapter for the model.</summary>
    public AdapterSet ReadAdapter(string folder, string name) => ReadAdapter(Model, folder, name);

    /// <summary>Builds the model of a case and, where it has one, its adapter.</summary>
    /// <param name="case">The case.</param>
    /// <param name="placement">Device and precision; null for Float32 on the CPU.</param>
    /// <param name="change">What to do with the model before its adapter is made, or null.</param>
    /// <exception cref="PeftException">This library does not have the architecture, the task or the adapter method.</exception>
    public static GoldenModel Load(GoldenCase @case, Placement? placement = null, Action<PretrainedModel>? change = null)
    {
        PretrainedModel? model = null;
        AdapterSet? adapter = null;
        try
        {
            (model, var kind) = LoadModel(@case.ModelFolder, placement);
            change?.Invoke(model);
            if (@case.Adapter is not null)
            {
                adapter = ReadAdapter(model, @case.Folder, "default");
            }

            return new GoldenModel(@case, model, kind, adapter, placement?.Device ?? CPU);
        }
        catch
        {
            adapter?.Dispose();
            model?.Dispose();
            throw;
        }
    }

    private static AdapterSet ReadAdapter(PretrainedModel model, string folder, string name)
    {
        var adapter = AdapterSet.Create(name, AdapterCheckpoint.ReadOptions(folder), model.Backbone, new CopiedModules([], []), seed: 0);
        try
        {
            AdapterCheckpoint.ReadTensors(adapter, folder);
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    public ModelOutput Forward(ForwardContext context) => Model.Forward(Inputs, context);

    public Tensor Loss(ForwardContext context) => LossOf(Forward(context));

    /// <summary>The loss of the task with what the adapter's method adds to it.</summary>
    public Tensor LossOf(ModelOutput output)
    {
        var loss = Model.Head.Loss(output, Targets);

        // peft forgets the penalty of a model without a task type.
        var isForgotten = Adapter?.Options?.OtherFields?.TryGetValue("task_type", out var task) == true && task.ValueKind == JsonValueKind.Null;
        return !isForgotten && Adapter?.Penalty() is { } penalty ? loss + penalty : loss;
    }

    public void Dispose()
    {
        Adapter?.Dispose();
        Model.Dispose();
        foreach (var tensor in _batch.Values)
        {
            tensor.Dispose();
        }
    }

    private static (PretrainedModel Model, HeadKind Kind) LoadModel(string folder, Placement? placement)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        var name = config.RootElement.GetProperty("architectures")[0].GetString()!;
        var kinds = s_tasks.FirstOrDefault(task => name.EndsWith(task.Suffix, StringComparison.Ordinal)).Kinds
            ?? throw new PeftException($"The task of '{name}' is not known to this tool.");
        for (var k = 0; ; k++)
        {
            try
            {
                return (PretrainedModel.Load(folder, kinds[k], placement: placement), kinds[k]);
            }
            catch (PeftException) when (k + 1 < kinds.Length)
            {
            }
        }
    }

    private static TokenBatch Tokens(Tensor ids, Tensor? mask, Tensor? types, Device device)
    {
        var (rows, length) = ((int)ids.size(0), (int)ids.size(1));
        var (id, type) = (Flat(ids), types is null ? null : Flat(types));
        var real = Enumerable.Range(0, rows).Select(row => mask is null ? length : (int)mask.select(0, row).sum().item<long>()).ToArray();
        var pad = Array.FindIndex(real, count => count < length) is >= 0 and var padded ? id[(padded * length) + real[padded]] : 0;
        var batch = new TokenBatch(Rows(id), (int)pad, type is null ? null : Rows(type), device: device);
        batch.Ids.copy_(ids.reshape(-1)); // padding may have other ids, and a method may look at all tokens of a batch
        return batch;

        static long[] Flat(Tensor x) => x.reshape(-1).data<long>().ToArray();

        int[][] Rows(long[] flat) => [.. real.Select((count, row) => flat.AsSpan(row * length, count).ToArray().Select(v => checked((int)v)).ToArray())];
    }

    // Hugging Face moves the labels to the right and fills up with padding.
    private static TokenBatch DecoderTokens(Dictionary<string, Tensor> batch, JsonElement config, Device device)
    {
        var labels = batch["labels"];
        var (start, pad) = (config.GetProperty("decoder_start_token_id").GetInt32(), config.GetProperty("pad_token_id").GetInt32());
        var rows = Enumerable.Range(0, (int)labels.size(0)).Select(row =>
        {
            var label = labels.select(0, row).contiguous().data<long>().ToArray();
            return (int[])[start, .. label.SkipLast(1).Select(id => id == -100 ? pad : checked((int)id))];
        });
        return new TokenBatch([.. rows], pad, device: device);
    }

    private static Dictionary<string, Tensor> Tensors(string path)
    {
        using var file = SafetensorsReader.Open(path);
        return file.Entries.Keys.ToDictionary(name => name, file.Read);
    }
}
