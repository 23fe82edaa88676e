using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Turns a backbone's hidden states into one score per class, as the architecture's model for sequence
/// classification does.</summary>
public abstract class ClassificationHead
{
    /// <summary>Names of the modules that HF PEFT trains with the task.</summary>
    public abstract IReadOnlyList<string> TrainedModules { get; }

    /// <summary>Logits (batch, classes) of a batch.</summary>
    public abstract Tensor Forward(TokenBatch batch, ForwardContext context);

    /// <summary>Builds the head that belongs to a backbone; layers that the checkpoint has not are drawn anew.</summary>
    internal static ClassificationHead Create(Backbone backbone, WeightSource source, int classes)
        => backbone switch
        {
            Bert => new PooledClassificationHead(backbone, source, classes),
            _ => throw new PeftException($"Sequence classification is not supported for model_type '{backbone.Config.ModelType}'."),
        };
}
