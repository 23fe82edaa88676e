using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>What a fit gives a method that asks for more than the steps' loss: a lead with losses of its own, and losses of rows that it holds back.</summary>
/// <param name="Lead">The loss of a step of the lead, counted from 0.</param>
/// <param name="HeldBack">The loss of some of the rows that the lead leaves out.</param>
internal sealed record LeadLosses(Func<int, Tensor> Lead, Func<Tensor> HeldBack);

/// <summary>The run of a <see cref="LayerFit"/>, as its method sees it.</summary>
internal sealed class LayerRun(int steps, LeadLosses? losses) : TrainingRun
{
    /// <summary>The loss of the step.</summary>
    public Func<Tensor> StepLoss { get; set; } = () => throw new InvalidOperationException("No step has begun.");

    public override long TotalSteps => steps;

    public override long StepsPerEpoch => steps;

    public override Tensor Loss() => StepLoss();

    public override Tensor HeldBackLoss() => Losses.HeldBack();

    /// <summary>The losses of the lead.</summary>
    public LeadLosses Losses => losses ?? throw new InvalidOperationException("This method needs a lead; give its losses.");

    public override int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below)
        => throw new NotSupportedException("A fit of single layers draws its batches itself, so that there is no list of all rows.");
}
