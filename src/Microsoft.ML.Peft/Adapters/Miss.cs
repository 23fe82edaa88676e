using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>MiSS, formerly Bone: one trained block that is added to every block of columns of a frozen weight.</summary>
/// <remarks>
/// <para>The input is cut into pieces of r, the last one filled up with zeros: <c>y = W·x + b + Dᵀ·Σᵢ drop(x)ᵢ</c>.</para>
/// <para>Shapes: D (r, out), or (r, m) repeated along out in the form <c>mini</c>. Trains r·out, or r·m, numbers. Starts as the identity.</para>
/// <para>Source: Kang and Yin 2024, arXiv:2409.15371.</para>
/// </remarks>
public sealed class Miss : AdditiveAdapter
{
    [ComponentName(Name = "miss_block")] private readonly Parameter _block; // (r, out) or (r, m)

    private readonly double _dropout;
    private bool _formerName;

    /// <summary>Puts MiSS on a layer.</summary>
    /// <exception cref="ArgumentException">The form is <c>mini</c> and its width does not divide the layer's.</exception>
    public Miss(LinearLayer target, MissOptions options, AdapterBuild build)
        : base(target)
    {
        var width = options.Form == MissForm.Mini ? options.MiniRank : OutFeatures;
        if (OutFeatures % width != 0)
        {
            throw new ArgumentException($"MiniRank is {width} and does not divide the {OutFeatures} outputs of '{Path}'; take a divisor.");
        }

        _dropout = options.Dropout;
        _block = Trainable(options.Form == MissForm.Random
            ? build.Initialization.KaimingUniform(options.Rank, width)
            : build.Initialization.Zeros(options.Rank, width));
        RegisterComponents();
    }

    private long Rank => _block.size(0);

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => _formerName && parameter.Length > 0 ? "bone_block" : parameter;

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes) => _formerName = shapes.ContainsKey("bone_block");

    /// <inheritdoc/>
    protected internal override void Loaded() => _formerName = false; // it is written under its new name

    /// <inheritdoc/>
    protected internal override Tensor Delta()
        => _block.t().repeat(OutFeatures / _block.size(1), (InFeatures + Rank - 1) / Rank).narrow(1, 0, InFeatures);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var rest = InFeatures % Rank;
        var filled = rest == 0 ? x : nn.functional.pad(x, (0, Rank - rest));
        var sum = context.Dropout(filled, _dropout).unflatten(-1, -1, Rank).sum(-2); // (…, r)
        var y = sum.matmul(InTypeOf(x, _block));
        return y.size(-1) == OutFeatures ? y : cat(Enumerable.Repeat(y, (int)(OutFeatures / y.size(-1))).ToArray(), -1);
    }
}

/// <summary>MiSS in its form <c>bat</c>: every block of a frozen weight is also multiplied by the trained one.</summary>
/// <remarks>
/// <para><c>W'_oi = W_oi + W_oi·D_o + D_o</c> for the blocks (r, r) of the weight, o along the outputs, i along the inputs; r divides both.</para>
/// <para>Shapes: D (out/r, r, r). Trains r·out numbers. Starts as the identity. A forward pass makes the whole weight.</para>
/// <para>Source: Kang and Yin 2024, arXiv:2409.15371, §3.</para>
/// </remarks>
public sealed class MissBat : LinearAdapter
{
    [ComponentName(Name = "miss_block")] private readonly Parameter _block; // (out/r, r, r)
    private bool _formerName;

    /// <summary>Puts MiSS on a layer.</summary>
    /// <exception cref="ArgumentException">The rank does not divide both sides of the weight.</exception>
    public MissBat(LinearLayer target, MissOptions options, AdapterBuild build)
        : base(target)
    {
        long rank = options.Rank;
        if (OutFeatures % rank != 0 || InFeatures % rank != 0)
        {
            throw new ArgumentException($"Rank is {rank}; the form 'bat' needs a divisor of both the {InFeatures} inputs and the {OutFeatures} outputs of '{Path}'.");
        }

        _block = Trainable(build.Initialization.Zeros(OutFeatures / rank, rank, rank));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => _formerName && parameter.Length > 0 ? "bone_block" : parameter;

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes) => _formerName = shapes.ContainsKey("bone_block");

    /// <inheritdoc/>
    protected internal override void Loaded() => _formerName = false;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var rank = _block.size(1);
        var blocks = weight.to(_block.dtype).view(-1, rank, InFeatures / rank, rank).permute(2, 0, 1, 3); // (in/r, out/r, r, r)
        return weight + (blocks.matmul(_block) + _block).permute(1, 2, 0, 3).reshape(OutFeatures, InFeatures);
    }
}

/// <summary>The forms of <see cref="Miss"/>, as <c>init_weights</c> names them.</summary>
[JsonConverter(typeof(StartConverter<MissForm>))]
public enum MissForm
{
    /// <summary>One block added to all blocks of columns; starts as the identity.</summary>
    Default,

    /// <summary>The same with a Kaiming-uniform block: not the identity; for tests.</summary>
    Random,

    /// <summary>Blocks that are multiplied too: <see cref="MissBat"/>.</summary>
    Bat,

    /// <summary>A narrower block, repeated along the outputs.</summary>
    Mini,
}

/// <summary>Settings of <see cref="Miss"/> and <see cref="MissBat"/>.</summary>
[AdapterMethod(
    "MISS", AdapterFamily.Additive, FormerName = "BONE", Title = "MiSS", Paper = "arXiv:2409.15371", Formula = "W + [Dᵀ Dᵀ …]", Trained = "r·out",
    InHuggingFace = true, Merges = true)]
public sealed record MissOptions : BiasedLinearOptions
{
    /// <summary>Height r of the block: 1 or more. Default 64.</summary>
    [JsonPropertyName("r"), SearchChoices(16, 32, 64, 128)]
    public int Rank { get; init; } = 64;

    /// <summary>Share of the input that the added path drops while training, but not in the form <c>bat</c>: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("miss_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Width m of the block in the form <c>mini</c>: a divisor of the outputs. Default 1.</summary>
    [JsonPropertyName("mini_r")]
    public int MiniRank { get; init; } = 1;

    /// <summary>The form. Default: one block of the layer's width.</summary>
    [JsonPropertyName("init_weights")]
    public MissForm Form { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(MiniRank, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build)
        => Form == MissForm.Bat ? new MissBat(layer, this, build) : new Miss(layer, this, build);
}
