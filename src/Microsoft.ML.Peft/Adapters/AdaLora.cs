using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>AdaLoRA: LoRA in the form of singular values, whose least important ones are taken away while training.</summary>
/// <remarks>
/// <para><c>y = W·x + b + α/(r + 10⁻⁵)·B·(E ⊙ A)·drop(x)</c> with r = <see cref="AdaLoraOptions.InitialRank"/> also after ranks are cut;
/// the loss grows by <see cref="AdaLoraOptions.OrthogonalWeight"/> times the mean of <c>‖A·Aᵀ − I‖</c> and <c>‖Bᵀ·B − I‖</c>.</para>
/// <para>Shapes: A (r, in), E (r, 1), B (out, r). Trains r·(in + out + 1) numbers.</para>
/// <para>Starts as the identity: E is 0, A and B are normal with deviation 0.02.</para>
/// <para>Source: Zhang et al. 2023, arXiv:2303.10512, §3.</para>
/// </remarks>
public sealed class AdaLora : AdditiveAdapter
{
    private readonly double _scale;
    private readonly double _dropout;
    private bool[]? _kept; // of the ranks at the start

    /// <summary>Puts AdaLoRA on a layer.</summary>
    /// <exception cref="ArgumentException">The rank pattern does not fit.</exception>
    public AdaLora(LinearLayer target, AdaLoraOptions options, AdapterBuild build)
        : base(target)
    {
        (_scale, _dropout) = (options.Alpha / (options.InitialRank + 1e-5), options.Dropout);
        _kept = options.RankPattern is { } pattern && pattern.TryGetValue(PatternKey, out var kept) ? [.. kept] : null;
        if (_kept is not null && _kept.Length != options.InitialRank)
        {
            throw new ArgumentException($"rank_pattern has {_kept.Length} entries for '{Path}' and init_r is {options.InitialRank}; they must be as many.");
        }

        var (rank, start) = (_kept?.Count(k => k) ?? options.InitialRank, build.Initialization);
        A = Trainable(start.Normal(options.StartsAsIdentity ? 0.02 : 1, rank, InFeatures));
        B = Trainable(start.Normal(options.StartsAsIdentity ? 0.02 : 1, OutFeatures, rank));
        E = Trainable(options.StartsAsIdentity ? start.Zeros(rank, 1) : start.Normal(1, rank, 1));
        register_parameter("lora_A", A);
        register_parameter("lora_B", B);
        register_parameter("lora_E", E);
    }

    /// <summary>Right factors (r, in).</summary>
    public Parameter A { get; private set; }

    /// <summary>Left factors (out, r).</summary>
    public Parameter B { get; private set; }

    /// <summary>Values between them (r, 1).</summary>
    public Parameter E { get; private set; }

    /// <summary>Which of the ranks at the start are kept, or null before any was taken away.</summary>
    public IReadOnlyList<bool>? Kept => _kept;

    /// <summary>Count of steps of the run that trained it, or null.</summary>
    internal long? TrainedSteps { get; set; }

    /// <summary>Name of the layer in <see cref="AdaLoraOptions.RankPattern"/>.</summary>
    internal string PatternKey => Path + ".lora_E";

    /// <inheritdoc/>
    protected internal override Tensor Delta() => B.mm(A * E).mul(_scale);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => linear(linear(context.Dropout(x, _dropout), (A * E).to(x.dtype)).mul(_scale), InTypeOf(x, B));

    /// <summary>Sets the values of ranks that are not kept to 0.</summary>
    internal void Mask(bool[] kept)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _kept = kept;
        E.mul_(tensor(Array.ConvertAll(kept, k => k ? 1f : 0f), device: E.device).unsqueeze(1));
    }

    /// <summary>Takes the ranks that are not kept away; what the layer computes stays the same.</summary>
    internal void Cut()
    {
        if (_kept is null || A.size(0) != _kept.Length)
        {
            return;
        }

        using var scope = NewDisposeScope();
        var rows = tensor(Enumerable.Range(0, _kept.Length).Where(k => _kept[k]).Select(k => (long)k).ToArray(), device: A.device);
        (A, B, E) = (Replace("lora_A", A, 0), Replace("lora_B", B, 1), Replace("lora_E", E, 0));

        Parameter Replace(string name, Parameter old, long dimension)
        {
            var parameter = Trainable(old.detach().index_select(dimension, rows));
            register_parameter(name, null!);
            register_parameter(name, parameter);
            old.Dispose();
            return parameter;
        }
    }
}
