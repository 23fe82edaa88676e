using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>A head without weights that gives the hidden states themselves, <c>last_hidden_state</c>, for a loss of the caller.</summary>
public abstract class FeatureHead : Head
{
    private protected FeatureHead(int? classes)
    {
        if (classes is not null)
        {
            throw new ArgumentOutOfRangeException(nameof(classes), classes, "Feature extraction has no classes; leave their count out.");
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => [];

    /// <inheritdoc/>
    public override string TaskType => "FEATURE_EXTRACTION";

    /// <summary>Refused: the hidden states alone have no loss.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override Tensor Loss(ModelOutput output, Targets targets)
        => throw new NotSupportedException("Feature extraction has no loss of its own; compute one from last_hidden_state.");
}
