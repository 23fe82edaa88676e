using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Takes the gradient of a frozen weight: a zero matrix that is added to it has the same one.</summary>
internal sealed class GradientRecorder : AdditiveAdapter
{
    private readonly Parameter _zero; // (out, in)

    public GradientRecorder(LinearLayer target)
        : base(target)
    {
        using var scope = NewDisposeScope();
        _zero = Trainable(zeros([OutFeatures, InFeatures], ScalarType.Float32, target.Weight.Dense().device));
        register_parameter("zero", _zero);
    }

    /// <summary>Sum of the gradients (out, in) of the backward passes so far, or null where none has reached the layer.</summary>
    public Tensor? Sum => _zero.grad;

    protected internal override Tensor Delta() => _zero;
}
