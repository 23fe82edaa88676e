using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

// Random numbers that methods draw in a training pass.
public sealed partial class ForwardContext
{
    /// <summary>Numbers even on 0 to 1, of the shape and type of a tensor.</summary>
    /// <exception cref="InvalidOperationException">The context is for predicting.</exception>
    public Tensor UniformLike(Tensor x) => empty_like(x).uniform_(0, 1, TrainingGenerator);

    /// <summary>Numbers of the normal law with mean 0 and deviation 1, of the shape and type of a tensor.</summary>
    /// <exception cref="InvalidOperationException">The context is for predicting.</exception>
    public Tensor NormalLike(Tensor x) => empty_like(x).normal_(0, 1, TrainingGenerator);

    private Generator TrainingGenerator => _generator ?? throw new InvalidOperationException("A prediction draws no random numbers.");
}
