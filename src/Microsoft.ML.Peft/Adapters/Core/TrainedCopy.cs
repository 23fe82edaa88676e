using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A full copy of a layer in place of the layer: HF PEFT's <c>modules_to_save</c>, such as a new head.</summary>
/// <remarks>The base model keeps its own numbers, so that several adapters can each bring their own head.</remarks>
public sealed class TrainedCopy : LinearAdapter
{
    private readonly Parameter weight; // (out, in)
    private readonly Parameter? bias; // (out)

    /// <summary>Copies a layer; <paramref name="trained"/> false saves it with the adapter without training it.</summary>
    public TrainedCopy(LinearLayer target, bool trained)
        : base(target)
    {
        weight = trained ? Trainable(Copy(target.Weight.Dense())) : Frozen(Copy(target.Weight.Dense()));
        bias = target.Bias is null ? null : trained ? Trainable(Copy(target.Bias)) : Frozen(Copy(target.Bias));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor _) => weight;

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? _) => bias;

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below) => nn.functional.linear(x.to(weight.dtype), weight, bias);

    private static Tensor Copy(Tensor tensor) => tensor.to(ScalarType.Float32, copy: true);
}
