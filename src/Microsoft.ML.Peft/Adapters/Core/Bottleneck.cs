using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A bottleneck adapter: <c>h ← h + s·(U·f(D·x + d) + u)</c>.</summary>
/// <remarks>Shapes: h (tokens, hidden); x (tokens, hidden) is h or another state of the block; D (m, hidden), d (m), U (hidden, m), u (hidden).
/// Trains 2·m·hidden + m + hidden numbers, and the norm, gate or factors that the method has.</remarks>
public sealed class Bottleneck : BlockAdapter
{
    /// <summary>D and U normal with deviation 0.02.</summary>
    internal const string StartBert = "bert";

    /// <summary>D Kaiming-uniform, U zero: the identity.</summary>
    internal const string StartZero = "mam_adapter";

    /// <summary>D and U normal with deviation 0.01, nothing beyond 0.02.</summary>
    internal const string StartCut = "houlsby";

    private const double NormEps = 1e-5;

    [ComponentName(Name = "adapter_down.weight")] private readonly Parameter _down;      // (m, hidden)
    [ComponentName(Name = "adapter_down.bias")] private readonly Parameter _downBias;    // (m)
    [ComponentName(Name = "adapter_up.weight")] private readonly Parameter _up;          // (hidden, m)
    [ComponentName(Name = "adapter_up.bias")] private readonly Parameter _upBias;        // (hidden)
    [ComponentName(Name = "adapter_scale")] private readonly Parameter? _scale;          // (1) or (hidden)
    [ComponentName(Name = "adapter_gate.weight")] private readonly Parameter? _gate;     // (1, hidden)
    [ComponentName(Name = "adapter_gate.bias")] private readonly Parameter? _gateBias;   // (1)
    [ComponentName(Name = "adapter_norm.weight")] private readonly Parameter? _norm;     // (hidden)
    [ComponentName(Name = "adapter_norm.bias")] private readonly Parameter? _normBias;   // (hidden)

    private readonly BottleneckForm _form;
    private readonly Func<Tensor, Tensor> _activation;

    internal Bottleneck(BottleneckForm form, Initialization initialization)
        : base(form.Path, form.Point, form.Block)
    {
        var (hidden, width) = (form.Hidden, form.Width);
        (_form, _activation) = (form, Activation.Named(form.Activation));
        _down = Trainable(form.Start switch
        {
            StartZero => initialization.KaimingUniform(width, hidden),
            StartCut => CutNormal(initialization, width, hidden),
            _ => initialization.Normal(0.02, width, hidden),
        });
        _downBias = Trainable(initialization.Zeros(width));
        _up = Trainable(form.Start switch
        {
            StartZero => initialization.Zeros(hidden, width),
            StartCut => CutNormal(initialization, hidden, width),
            _ => initialization.Normal(0.02, hidden, width),
        });
        _upBias = Trainable(initialization.Zeros(hidden));
        _scale = form.LearnedScale == LearnedScale.None ? null
            : Trainable(initialization.Zeros(form.LearnedScale == LearnedScale.Scalar ? 1 : hidden).add_(1));
        _gate = form.Gated ? Trainable(initialization.Normal(0.02, 1, hidden)) : null;
        _gateBias = form.Gated ? Trainable(initialization.Zeros(1)) : null;
        _norm = form.Norm == "none" ? null : Trainable(initialization.Zeros(hidden).add_(1));
        _normBias = form.Norm == "none" ? null : Trainable(initialization.Zeros(hidden));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override bool ReadsOtherTokens => _form.Gated;

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor hidden, BlockState state, ForwardContext context) => hidden + Added(hidden, state, context);

    /// <summary>Width of the hidden states.</summary>
    internal long Hidden => _form.Hidden;

    /// <summary>What is added to the hidden states, also in another block of the same size.</summary>
    internal Tensor Added(Tensor hidden, BlockState state, ForwardContext context)
    {
        var input = BottleneckForm.Read(_form.Input, hidden, state, Path);
        var x = _form.Norm == "in" ? Normed(input) : input;
        var inner = _activation(nn.functional.linear(x, InTypeOf(x, _down), InTypeOf(x, _downBias)));
        var added = nn.functional.linear(context.Dropout(inner, _form.InnerDropout), InTypeOf(x, _up), InTypeOf(x, _upBias));
        added = _form.Norm == "out" ? Normed(added) : added;
        added = _form.Scale == 1 ? added : added.mul(_form.Scale);
        added = _scale is null ? added : added.mul(InTypeOf(added, _scale));
        if (_gate is not null)
        {
            var open = nn.functional.linear(input, InTypeOf(input, _gate), InTypeOf(input, _gateBias!)).sigmoid(); // (tokens, 1)
            var byRow = open.view(state.Rows, -1, 1).mean([1], keepdim: true);
            added = added.view(state.Rows, -1, _form.Hidden).mul(byRow).view(-1, _form.Hidden);
        }

        return context.DropRows(context.Dropout(added, _form.OuterDropout), state.Rows, _form.DropRows);
    }

    private Tensor Normed(Tensor x)
        => nn.functional.layer_norm(x, [_form.Hidden], InTypeOf(x, _norm!), InTypeOf(x, _normBias!), NormEps);

    private static Tensor CutNormal(Initialization initialization, params long[] shape)
    {
        const double Deviation = 0.01;
        const double Cut = 0.02;
        var numbers = initialization.Normal(Deviation, shape);
        while (true)
        {
            var beyond = numbers.abs().gt(Cut);
            if (!beyond.any().item<bool>())
            {
                return numbers;
            }

            numbers = where(beyond, initialization.Normal(Deviation, shape), numbers);
        }
    }
}
