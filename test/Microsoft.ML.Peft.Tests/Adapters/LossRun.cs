using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>A run over losses of the test's own.</summary>
internal sealed class LossRun(Func<Tensor> loss, Func<Tensor>? heldBack = null, Func<IReadOnlyList<AdapterSet>, Tensor>? withRecorders = null) : TrainingRun
{
    public int Epochs { get; init; } = 10;

    public int Epoch { get; init; } = 10;

    public override long TotalSteps => Epochs * Epoch;

    public override long StepsPerEpoch => Epoch;

    public override Tensor Loss() => loss();

    public override Tensor HeldBackLoss() => heldBack!();

    public override int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below)
    {
        use(withRecorders is null ? loss() : withRecorders(below));
        return 1;
    }
}
