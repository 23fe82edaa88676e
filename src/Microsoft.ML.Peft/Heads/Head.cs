using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Turns a backbone's hidden states into the output of a task, with the task's loss.</summary>
public abstract class Head
{
    /// <summary>Names of the modules that HF PEFT trains with the task.</summary>
    public abstract IReadOnlyList<string> TrainedModules { get; }

    /// <summary>HF PEFT's name of the task: <c>SEQ_CLS</c>, <c>TOKEN_CLS</c>, <c>QUESTION_ANS</c>, <c>CAUSAL_LM</c>, <c>SEQ_2_SEQ_LM</c>, <c>FEATURE_EXTRACTION</c> or null.</summary>
    public abstract string? TaskType { get; }

    /// <summary>The output of a batch.</summary>
    public abstract ModelOutput Forward(ModelInputs inputs, ForwardContext context);

    /// <summary>The mean loss (a scalar) that Hugging Face's model of this task computes.</summary>
    public abstract Tensor Loss(ModelOutput output, Targets targets);
}
