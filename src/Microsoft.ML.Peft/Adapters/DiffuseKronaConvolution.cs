using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DiffuseKronA on a convolution (out, in/g, k…): the Kronecker product is one of the channels, and B has the kernel.</summary>
/// <remarks>Shapes: A (a₁, a₂), B (b₁, b₂, k…) with a₁·b₁ = out, a₂·b₂ = in/g, as HF PEFT's LoKr has them on pictures with whole factors. The convolution is computed with the changed
/// weight. The rest is as in <see cref="DiffuseKrona"/>.</remarks>
public sealed class DiffuseKronaConvolution : WeightAdapter
{
    [ComponentName(Name = "krona_A")] private readonly Parameter _a; // (a₁, a₂)
    [ComponentName(Name = "krona_B")] private readonly Parameter _b; // (b₁, b₂, k…)

    private readonly DiffuseKronaOptions _options;

    /// <summary>Puts DiffuseKronA on a convolution.</summary>
    /// <exception cref="PeftException">a₁ does not divide the outputs, or a₂ the inputs of a group.</exception>
    public DiffuseKronaConvolution(Layer target, DiffuseKronaOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        var shape = target.FrozenWeight!.shape; // (out, in/g, k…)
        var (a1, a2) = options.FactorsOf(Path, shape[0], shape[1]);
        _a = Trainable(build.Initialization.Normal(1.0 / a1, a1, a2));
        _b = Trainable(build.Initialization.Zeros([shape[0] / a1, shape[1] / a2, .. shape[2..]]));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => new(Decays: parameter != "krona_B");

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight + Delta(weight);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context)
    {
        if (context.Chance(_options.ModuleDropout))
        {
            return weight;
        }

        var delta = Delta(weight);
        return weight + (DroppedUpdateAdapter.Rows(delta, weight.size(0), _options.RankDropout, rescales: false, context) is { } rows
            ? delta * rows.view([weight.size(0), .. Enumerable.Repeat(1L, weight.shape.Length - 1)])
            : delta);
    }

    // In the shape of the weight: columns of the flat product are channels, then places of the kernel, as the weight has them.
    private Tensor Delta(Tensor weight) => DiffuseKrona.Product(_a, _b.flatten(1), _options).reshape(weight.shape);
}
