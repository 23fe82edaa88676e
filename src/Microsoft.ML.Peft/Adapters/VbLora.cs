using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>VB-LoRA: the factors of LoRA are put together from vectors of one bank that all layers share.</summary>
/// <remarks>
/// <para>Each piece of A and B is <c>Σ softmax(top-k of its logits)·vectors</c>; <c>y = W·x + b + B·A·drop(x)</c>.</para>
/// <para>Shapes, with v the length of a vector and h their count: bank (h, v); logits of A (r, in/v, h), of B (out/v, r, h).
/// Trains r·h·(in + out)/v numbers a layer and h·v once.</para>
/// <para>Does not start as the identity: the bank is uniform on ±0.02, the logits normal with deviation 0.1.</para>
/// <para>Source: Li et al. 2024, arXiv:2405.15179, §3.</para>
/// </remarks>
public sealed class VbLora : AdditiveAdapter
{
    private const string LogitsA = "vblora_logits_A";
    private const string LogitsB = "vblora_logits_B";
    private const string Indices = "_topk_indices";
    private const string Weights = "_topk_weights";

    private readonly VectorBank _bank;
    private readonly VbLoraOptions _options;
    private readonly Parameter _a; // (r, in/v, h)
    private readonly Parameter _b; // (out/v, r, h)
    private bool _forPredictingOnly;

    /// <summary>Puts VB-LoRA on a layer.</summary>
    /// <exception cref="PeftException">The length of a vector does not divide the layer's sizes.</exception>
    public VbLora(LinearLayer target, VbLoraOptions options, VectorBank bank, AdapterBuild build)
        : base(target)
    {
        (_bank, _options) = (bank, options);
        var length = options.VectorLength;
        if (InFeatures % length != 0 || OutFeatures % length != 0)
        {
            throw new PeftException($"VectorLength is {length}, which does not divide {InFeatures} inputs and {OutFeatures} outputs of '{Path}'; choose a divisor of both.");
        }

        var start = build.Initialization;
        _a = Trainable(start.Normal(options.LogitsDeviation, options.Rank, InFeatures / length, options.VectorCount));
        _b = Trainable(start.Normal(options.LogitsDeviation, OutFeatures / length, options.Rank, options.VectorCount));
        register_parameter(LogitsA, _a);
        register_parameter(LogitsB, _b);
        if (options.SaveOnlyTopWeights)
        {
            foreach (var (name, logits) in new[] { (LogitsA, _a), (LogitsB, _b) })
            {
                long[] front = [logits.size(0), logits.size(1)];
                register_parameter(name + Indices, Frozen(zeros([.. front, options.TopCount], options.IndexType, logits.device)));
                register_parameter(name + Weights, Frozen(zeros([.. front, options.TopCount - 1], ScalarType.Float32, logits.device)));
            }
        }
    }

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => IsSaved(parameter);

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter is LogitsA or LogitsB != _options.SaveOnlyTopWeights;

    /// <inheritdoc/>
    protected internal override void Saving()
    {
        if (_options.SaveOnlyTopWeights)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            foreach (var (name, logits) in new[] { (LogitsA, _a), (LogitsB, _b) })
            {
                var (values, indices) = logits.topk(_options.TopCount, -1);
                get_parameter(name + Indices)!.copy_(indices);
                get_parameter(name + Weights)!.copy_(softmax(values, -1).narrow(-1, 0, _options.TopCount - 1));
            }
        }
    }

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        if (_options.SaveOnlyTopWeights)
        {
            using var scope = NewDisposeScope();
            foreach (var (name, logits) in new[] { (LogitsA, _a), (LogitsB, _b) })
            {
                var (indices, weights) = (get_parameter(name + Indices)!.to(ScalarType.Int64), get_parameter(name + Weights)!);
                if (indices.numel() > 0 && (indices.min().item<long>() < 0 || indices.max().item<long>() >= _options.VectorCount))
                {
                    throw new FormatException($"'{name}{Indices}' of '{Path}' names a vector beyond the {_options.VectorCount} of the bank; the file is damaged.");
                }

                var all = cat([weights, 1 - weights.sum(-1, keepdim: true)], -1);
                logits.fill_(double.NegativeInfinity).scatter_(-1, indices, all.log());
            }

            _forPredictingOnly = true;
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => B().mm(A());

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        if (context.Training && _forPredictingOnly)
        {
            throw new PeftException("This VB-LoRA adapter was saved with save_only_topk_weights, which is for predicting only; train from a file that has all logits.");
        }

        return linear(linear(context.Dropout(x, _options.Dropout), A().to(x.dtype)), B().to(x.dtype));
    }

    private Tensor A() => Pieces(_a).reshape(_a.size(0), InFeatures); // (r, in)

    private Tensor B() => Pieces(_b).transpose(1, 2).reshape(OutFeatures, _b.size(1)); // (out, r)

    private Tensor Pieces(Tensor logits)
    {
        var (values, indices) = logits.topk(_options.TopCount, -1);
        var vectors = _bank.Vectors.index_select(0, indices.view(-1)).view(logits.size(0), logits.size(1), _options.TopCount, _options.VectorLength);
        return softmax(values, -1).unsqueeze(-1).mul(vectors).sum(-2); // (·, ·, v)
    }
}

/// <summary>The trained vectors that every layer of a <see cref="VbLora"/> adapter takes its factors from.</summary>
public sealed class VectorBank : ModelAdapter
{
    internal VectorBank(Tensor vectors)
        : base("vblora_vector_bank")
    {
        Vectors = Trainable(vectors);
        register_parameter("vblora_vector_bank", Vectors);
    }

    /// <summary>(h, v).</summary>
    public Parameter Vectors { get; }
}
