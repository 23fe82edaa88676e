using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>A run over losses of the test's own.</summary>
internal sealed class LossRun(Func<Tensor> loss, Func<Tensor>? heldBack = null, Func<IReadOnlyList<AdapterSet>, Tensor>? withRecorders = null) : TrainingRun
{
    public override long TotalSteps => 100;

    public override long StepsPerEpoch => 10;

    public override Tensor Loss() => loss();

    public override Tensor HeldBackLoss() => heldBack!();

    public override int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below)
    {
        use(withRecorders is null ? loss() : withRecorders(below));
        return 1;
    }
}
