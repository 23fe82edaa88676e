using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The bottleneck of LLM-Adapters: a small network in front of a linear layer, behind it or beside it.</summary>
/// <remarks>
/// <para><c>f(h) = c·U·σ(D·drop(h))</c>; in front <c>y = W·(x + f(x)) + b</c>; behind <c>u = W·x + b, y = u + f(u)</c>; beside <c>y = W·x + b + f(x)</c>.</para>
/// <para>Shapes: D (m, in) and U (in, m) in front; D (m, out) and U (out, m) behind; D (m, in) and U (out, m) beside. No biases. Trains 2·m·in, 2·m·out or
/// m·(in + out) numbers, and one more where c is learnt. f is computed in Float32 beside a base of another type.</para>
/// <para>Starts near the identity, D and U normal with deviation 0.02, or as the identity. Merges only where σ is <c>linear</c>.</para>
/// <para>Source: Hu et al. 2023, "LLM-Adapters: An Adapter Family for Parameter-Efficient Fine-Tuning of Large Language Models", arXiv:2304.01933.</para>
/// </remarks>
public sealed class LinearBottleneck : LinearAdapter
{
    [ComponentName(Name = "adapter_down.weight")] private readonly Parameter _down;  // (m, width read)
    [ComponentName(Name = "adapter_up.weight")] private readonly Parameter _up;      // (width written, m)
    [ComponentName(Name = "adapter_scaling")] private readonly Parameter? _learnt;   // (1)

    private readonly LinearBottleneckOptions _options;
    private readonly Func<Tensor, Tensor> _activation;

    /// <summary>Puts the network on a layer.</summary>
    /// <exception cref="PeftException">The placement is left to the layer's name, which says nothing of it.</exception>
    public LinearBottleneck(LinearLayer target, LinearBottleneckOptions options, AdapterBuild build)
        : base(target)
    {
        Place = options.Placement == BottleneckPlacement.Auto ? LlmLayerNames.PlacementOf(target.Path) : options.Placement;
        (_options, _activation) = (options, Activation.Named(options.Activation));
        var (read, written) = (
            Place == BottleneckPlacement.SeriesOutput ? OutFeatures : InFeatures,
            Place == BottleneckPlacement.SeriesInput ? InFeatures : OutFeatures);
        var identity = options.Start == Bottleneck.StartZero;
        var initialization = build.Initialization;
        _down = Trainable(identity ? initialization.KaimingUniform(options.Width, read) : initialization.Normal(0.02, options.Width, read));
        _up = Trainable(identity ? initialization.Zeros(written, options.Width) : initialization.Normal(0.02, written, options.Width));
        _learnt = options.LearnsScale ? Trainable(initialization.Constant(1, 1)) : null;
        RegisterComponents();
    }

    /// <summary>Where it stands; never <see cref="BottleneckPlacement.Auto"/>.</summary>
    public BottleneckPlacement Place { get; }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        switch (Place)
        {
            case BottleneckPlacement.SeriesInput:
                return below.Forward(x + Added(x, below.Context));
            case BottleneckPlacement.SeriesOutput:
                var u = below.Forward(x);
                return u + Added(u, below.Context);
            default:
                return below.Forward(x) + Added(x, below.Context);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="PeftException">There is a function between D and U, so that no weight computes the same.</exception>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var product = Product();
        return weight + (Place switch
        {
            BottleneckPlacement.SeriesInput => InTypeOf32(weight).mm(product),
            BottleneckPlacement.SeriesOutput => product.mm(InTypeOf32(weight)),
            _ => product,
        });
    }

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias)
        => bias is null || Place != BottleneckPlacement.SeriesOutput ? bias : bias + Product().mv(InTypeOf32(bias));

    private static Tensor InTypeOf32(Tensor x) => x.dtype == ScalarType.Float32 ? x : x.to(ScalarType.Float32);

    // f(h): the network in Float32, its factor in the type of h.
    private Tensor Added(Tensor h, ForwardContext context)
    {
        var inner = _activation(nn.functional.linear(context.Dropout(InTypeOf32(h), _options.Dropout), _down));
        var added = nn.functional.linear(inner, _up);
        added = added.dtype == h.dtype ? added : added.to(h.dtype);
        return _learnt is not null ? added.mul(InTypeOf(added, _learnt)) : _options.Scale == 1 ? added : added.mul(_options.Scale);
    }

    // c·U·D
    private Tensor Product()
    {
        if (!_options.IsLinear)
        {
            throw new PeftException(
                $"The adapter on '{Path}' has the function '{_options.Activation}' between its layers, so that no weight computes the same; only '{LinearBottleneckOptions.Linear}' merges. Keep the adapter beside the model.");
        }

        var product = _up.mm(_down);
        return _learnt is null ? product.mul(_options.Scale) : product.mul(_learnt);
    }
}
