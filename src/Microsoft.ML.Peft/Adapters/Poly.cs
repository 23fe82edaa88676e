using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Poly: several LoRA adapters, the skills, mixed anew for each task by trained weights.</summary>
/// <remarks>
/// <para><c>y = W·x + b + B_t·A_t·x/r</c>; A_t and B_t of task t are the sums of the skills' factors by the weights of t, for each split of
/// inputs and outputs apart; weights are <c>σ(z)</c> over their sum, while training a draw of the relaxed Bernoulli law of z.</para>
/// <para>Shapes: A (splits, skills, in/splits, r), B (splits, skills, r, out/splits), z (tasks, splits·skills).
/// Trains skills·r·(in + out) + tasks·splits·skills numbers.</para>
/// <para>Starts as the identity: B is 0, A Kaiming-uniform (a = √5), z uniform on ±10⁻³.</para>
/// <para>Source: Ponti et al. 2023, arXiv:2202.13914; splits: Caccia et al. 2023, arXiv:2211.03831.</para>
/// </remarks>
public sealed class Poly : LinearAdapter
{
    private readonly PolyOptions _options;
    private readonly Parameter _a, _b, _logits;

    /// <summary>Puts Poly on a layer.</summary>
    /// <exception cref="PeftException">The splits do not divide the layer's sizes.</exception>
    public Poly(LinearLayer target, PolyOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        var (splits, skills, rank, start) = (options.SplitCount, options.SkillCount, options.Rank, build.Initialization);
        if (InFeatures % splits != 0 || OutFeatures % splits != 0)
        {
            throw new PeftException($"SplitCount is {splits}, which does not divide {InFeatures} inputs and {OutFeatures} outputs of '{Path}'; choose a divisor of both.");
        }

        var (inputs, outputs) = (InFeatures / splits, OutFeatures / splits);
        using var a = start.KaimingUniform(splits, skills, rank, inputs);
        _a = Trainable(a.transpose(2, 3).contiguous());
        _b = Trainable(options.StartsAsIdentity
            ? start.Zeros(splits, skills, rank, outputs)
            : start.Uniform(1 / Math.Sqrt(rank), splits, skills, rank, outputs));
        _logits = Trainable(start.Uniform(1e-3, options.TaskCount, splits * skills));
        register_parameter("poly_lora_A", _a);
        register_parameter("poly_lora_B", _b);
        register_parameter("module_logits", _logits);
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter == "module_logits" ? "poly_router.module_logits" : parameter;

    /// <summary>Not defined: each task has a weight of its own (<see cref="PolyTask"/>).</summary>
    /// <exception cref="PeftException">Always.</exception>
    protected internal override Tensor Materialize(Tensor weight)
        => throw new PeftException($"Poly has a weight for each task and none for all of '{Path}'; no method that needs the whole weight can stand on it.");

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var (rows, shape) = (Weights(below.Context), x.shape);            // (tasks of rows, splits, skills)
        var a = einsum("bqs,qsdr->bqdr", rows, _a).reshape(-1, InFeatures, _options.Rank);
        var b = einsum("bqs,qsrd->bqrd", rows, _b).transpose(1, 2).reshape(-1, _options.Rank, OutFeatures);
        if (x.numel() > 0 && shape[..^1].Aggregate(1L, (product, size) => product * size) % rows.size(0) != 0)
        {
            throw new PeftException($"There are task ids for {rows.size(0)} rows, which '{Path}' gets no whole number of tokens of; give the task of each row of the batch.");
        }

        var tokens = x.numel() == 0 ? x.reshape(rows.size(0), 0, InFeatures) : x.reshape(rows.size(0), -1, InFeatures);
        var y = tokens.matmul(a.to(x.dtype)).matmul(b.to(x.dtype)).div((double)_options.Rank);
        return below.Forward(x) + y.reshape([.. shape[..^1], OutFeatures]);
    }

    /// <summary>A (r, in) and B (out, r) with <c>ΔW = B·A</c> for a task, as it predicts.</summary>
    internal (Tensor A, Tensor B) Factors(int task)
    {
        var weights = _logits[task].view(_options.SplitCount, _options.SkillCount).sigmoid();
        weights = weights / (weights.sum(-1, keepdim: true) + 1e-12);
        var a = einsum("qs,qsdr->qdr", weights, _a).reshape(InFeatures, _options.Rank);
        var b = einsum("qs,qsrd->qrd", weights, _b).transpose(0, 1).reshape(_options.Rank, OutFeatures);
        return (a.t(), b.t().div((double)_options.Rank));
    }

    private Tensor Weights(ForwardContext context)
    {
        var tasks = context.Inputs?.TaskIds;
        if (tasks is null && _options.TaskCount > 1)
        {
            throw new PeftException($"This Poly adapter has {_options.TaskCount} tasks and the batch does not say which; set ModelInputs.TaskIds.");
        }

        if (tasks is not null && (tasks.min().item<long>() < 0 || tasks.max().item<long>() >= _options.TaskCount))
        {
            throw new ArgumentOutOfRangeException(
                nameof(context), $"A task id is {tasks.min().item<long>()} or {tasks.max().item<long>()}; it must be from 0 to {_options.TaskCount - 1}.");
        }

        var logits = (tasks is null ? _logits : _logits.index_select(0, tasks.to(_logits.device))).view(-1, _options.SplitCount, _options.SkillCount);
        var weights = (context.Training ? logits + context.UniformLike(logits).clamp(1e-6, 1 - 1e-6).logit() : logits).sigmoid();
        return weights / (weights.sum(-1, keepdim: true) + 1e-12);
    }
}

/// <summary>Settings of <see cref="Poly"/>.</summary>
[AdapterMethod(
    "POLY", AdapterFamily.Mixture, Title = "Poly", Paper = "arXiv:2202.13914", Formula = "W·x + Σₛ wₜₛ·Bₛ·Σₛ wₜₛ·Aₛ·x/r for task t",
    Trained = "skills·r·(in + out) + tasks·splits·skills", InHuggingFace = true)]
public sealed record PolyOptions : LinearAdapterOptions
{
    /// <summary>Rank r of a skill: 1 or more. Default 8.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 8;

    /// <summary>Count of tasks: 1 or more. Default 1.</summary>
    [JsonPropertyName("n_tasks")]
    public int TaskCount { get; init; } = 1;

    /// <summary>Count of skills: 1 or more. Default 4.</summary>
    [JsonPropertyName("n_skills")]
    public int SkillCount { get; init; } = 4;

    /// <summary>In how many parts inputs and outputs are split, each mixed by itself: 1 or more. Default 1.</summary>
    [JsonPropertyName("n_splits")]
    public int SplitCount { get; init; } = 1;

    /// <summary>Start as the identity; false draws B too, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <summary>Kind of the router; only <c>poly</c> is known.</summary>
    [JsonPropertyName("poly_type")]
    public string Kind { get; init; } = "poly";

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(TaskCount, 1);
        Guard.AtLeast(SkillCount, 1);
        Guard.AtLeast(SplitCount, 1);
        if (Kind != "poly")
        {
            throw new ArgumentException($"Kind is '{Kind}'; only 'poly' is known.");
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Poly(layer, this, build);
}
