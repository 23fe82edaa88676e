using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Trainable tokens of an output layer that has a weight of its own: the scores of some tokens are made anew.</summary>
/// <remarks>
/// <para><c>y[i] = D[k]·x + b[i]</c> for the k-th chosen token i, else <c>W[i]·x + b[i]</c>. Shapes: W (V, d); D (n, d). Trains n·d numbers. Starts as the
/// identity: D are the rows of W.</para>
/// <para>Source: HF PEFT (no paper).</para>
/// </remarks>
public sealed class TrainableOutputs : LinearAdapter
{
    private readonly Parameter _rows; // (n, d)
    private readonly Tensor _ids;     // (n)
    private readonly string _prefix;

    internal TrainableOutputs(LinearLayer target, IReadOnlyList<int> ids, AdapterBuild build, string prefix, bool random)
        : base(target)
    {
        TrainableTokens.Check(Path, ids, OutFeatures);
        _prefix = prefix;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weight = target.Weight.Dense();
        _ids = tensor(ids.Select(id => (long)id).ToArray(), device: weight.device).DetachFromDisposeScope();
        _rows = Trainable(random ? build.Initialization.Normal(1, ids.Count, InFeatures) : weight.index_select(0, _ids).to(ScalarType.Float32));
        register_parameter("trainable_tokens_delta", _rows);
        register_buffer("ids", _ids, persistent: false);
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => _prefix + parameter;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight.index_copy(0, _ids, InTypeOf(weight, _rows));

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var bias = below.Bias()?.index_select(0, _ids);
        var scores = nn.functional.linear(x, InTypeOf(x, _rows), bias is null ? null : InTypeOf(x, bias));
        return below.Forward(x).index_copy(-1, _ids, scores);
    }
}
