using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Multitask prompt tuning: trained tokens that tasks share, scaled for each task by a low-rank product.</summary>
/// <remarks>
/// <para><c>p(t) = P ∘ (Cₜ·Rₜ)</c>. Shapes: P (n, d); C (tasks, n, k); R (tasks, k, d). Trains n·d + tasks·k·(n + d) numbers, twice the n in an
/// encoder-decoder, whose second half stands before the tokens of the decoder.</para>
/// <para>C and R start as N(0, 0.02²); never the identity. The task of each row is <see cref="Inputs.ModelInputs.TaskIds"/>.</para>
/// <para>Source: Wang et al. 2023, arXiv:2303.02861.</para>
/// </remarks>
public sealed class MultitaskPromptTuning : PromptAdapter
{
    private const double Deviation = 0.02;

    private readonly Parameter prompt_embeddings; // (n·submodules, d)
    private readonly Parameter prefix_task_cols;  // (tasks, n·submodules, k)
    private readonly Parameter prefix_task_rows;  // (tasks, k, d)

    internal MultitaskPromptTuning(MultitaskPromptTuningOptions options, AdapterBuild build)
        : base("MULTITASK_PROMPT_TUNING", options.VirtualTokens, options.Submodules == 2 ? options.VirtualTokens : 0)
    {
        var (count, width) = (Length + DecoderLength, options.TokenWidth!.Value);
        prompt_embeddings = Trainable(PromptTuningOptions.StartTokens(options, options.Start, options.StartIds, build));
        prefix_task_cols = Trainable(build.Initialization.Normal(Deviation, options.Tasks, count, options.Rank));
        prefix_task_rows = Trainable(build.Initialization.Normal(Deviation, options.Tasks, options.Rank, width));
        RegisterComponents();
        if (!options.IsStored && options.StartsFromFile)
        {
            StartFrom(options);
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Vectors(ForwardContext context)
    {
        var tasks = prefix_task_cols.size(0);
        var given = context.Inputs?.TaskIds;
        if (given is null && tasks > 1)
        {
            throw new ArgumentException($"The adapter knows {tasks} tasks; set ModelInputs.TaskIds to the task of each row.");
        }

        var ids = given ?? zeros(1, ScalarType.Int64, prompt_embeddings.device);
        return prefix_task_cols.index_select(0, ids).bmm(prefix_task_rows.index_select(0, ids)) * prompt_embeddings;
    }

    private void StartFrom(MultitaskPromptTuningOptions options)
    {
        using var _ = no_grad();
        using var file = SafetensorsReader.Open(options.StartFile!);
        Take(prompt_embeddings, "prompt_embeddings", whole => whole);
        if (options.Start == PromptStart.OnlySourceShared)
        {
            return;
        }

        Take(prefix_task_cols, "prefix_task_cols", OneTask);
        Take(prefix_task_rows, "prefix_task_rows", OneTask);

        Tensor OneTask(Tensor all)
            => options.Start == PromptStart.AverageSourceTasks ? all.mean([0], keepdim: true)
                : options.StartTask < all.size(0) ? all.narrow(0, options.StartTask, 1)
                : throw new PeftException($"StartTask is {options.StartTask}; '{options.StartFile}' has the tasks 0 to {all.size(0) - 1}.");

        void Take(Parameter parameter, string name, Func<Tensor, Tensor> choose)
        {
            using var scope = NewDisposeScope();
            var read = file.Entries.ContainsKey(name) ? choose(file.Read(name))
                : throw new ModelFormatException(options.StartFile!, ModelFormatError.MissingTensor, $"it lacks '{name}'.");
            if (!read.shape.AsSpan().SequenceEqual(parameter.shape))
            {
                throw new ModelFormatException(
                    options.StartFile!,
                    ModelFormatError.ShapeMismatch,
                    $"'{name}' gives the shape ({string.Join(", ", read.shape)}); this adapter needs ({string.Join(", ", parameter.shape)}).");
            }

            parameter.copy_(read);
        }
    }
}

/// <summary>Settings of <see cref="MultitaskPromptTuning"/>.</summary>
[AdapterMethod(
    "MULTITASK_PROMPT_TUNING", AdapterFamily.Prompt, Title = "Multitask prompt tuning", Paper = "arXiv:2303.02861", Formula = "[P ∘ (Cₜ·Rₜ), E(x)]",
    Trained = "n·d + tasks·k·(n + d) a model", InHuggingFace = true, MixesInBatch = false)]
public sealed record MultitaskPromptTuningOptions : PromptOptions
{
    /// <summary>How tokens and tasks start. Default <see cref="PromptStart.Random"/>.</summary>
    [JsonPropertyName("prompt_tuning_init")]
    [JsonConverter(typeof(PromptStartConverter))]
    public PromptStart Start { get; init; }

    /// <summary>The text that the tokens start from, for <see cref="PromptStart.Text"/>.</summary>
    [JsonPropertyName("prompt_tuning_init_text")]
    public string? StartText { get; init; }

    /// <summary>Name of the tokenizer of <see cref="StartText"/>, which HF PEFT asks for.</summary>
    [JsonPropertyName("tokenizer_name_or_path")]
    public string? Tokenizer { get; init; }

    /// <summary>Token ids of <see cref="StartText"/>. Default null: a classifier of texts takes them from its tokenizer.</summary>
    [JsonIgnore]
    public IReadOnlyList<int>? StartIds { get; init; }

    /// <inheritdoc/>
    protected internal override AdapterOptions WithTokens(Func<string, int[]> encode)
        => Start == PromptStart.Text && StartIds is null ? this with { StartIds = encode(StartText!) } : this;

    /// <summary>The adapter_model.safetensors of another such adapter, for the starts that are from a source.</summary>
    [JsonPropertyName("prompt_tuning_init_state_dict_path")]
    public string? StartFile { get; init; }

    /// <summary>The source's task that <see cref="PromptStart.ExactSourceTask"/> starts from: 0 or more. Default 0.</summary>
    [JsonPropertyName("prompt_tuning_init_task")]
    public int StartTask { get; init; }

    /// <summary>Rank k of a task: 1 or more. Default 1.</summary>
    [JsonPropertyName("num_ranks")]
    public int Rank { get; init; } = 1;

    /// <summary>Count of tasks: 1 or more. Default 1.</summary>
    [JsonPropertyName("num_tasks")]
    public int Tasks { get; init; } = 1;

    internal bool StartsFromFile => Start is PromptStart.AverageSourceTasks or PromptStart.ExactSourceTask or PromptStart.OnlySourceShared;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(Tasks, 1);
        Guard.AtLeast(StartTask, 0);
        PromptTuningOptions.CheckStart(
            Start, StartText, Tokenizer, PromptStart.Random, PromptStart.Text, PromptStart.AverageSourceTasks, PromptStart.ExactSourceTask, PromptStart.OnlySourceShared);
        if (StartsFromFile && string.IsNullOrEmpty(StartFile))
        {
            throw new ArgumentException($"Start is {Start} and StartFile is not set; set it to the adapter_model.safetensors of the source.");
        }
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => [new MultitaskPromptTuning(this, build)];
}
