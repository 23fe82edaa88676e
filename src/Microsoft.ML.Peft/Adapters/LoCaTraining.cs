using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Lets coefficients and places of <see cref="LoCa"/> take turns, by the steps of the optimizer.</summary>
/// <remarks>What has no turn gets no gradient, so that the optimizer leaves its group alone: neither momentum nor weight decay moves it.</remarks>
internal sealed class LoCaTraining(AdapterSet adapter, LoCaOptions options) : AdapterTraining
{
    private readonly LoCa[] _layers = [.. adapter.Adapters.OfType<LoCa>()];

    public override void BeforeForward(TrainingPoint point) => Set(options.PhaseAt(point.Step, point.TotalSteps));

    public override void Finish() => Set(LoCaPhase.Both);

    private void Set(LoCaPhase phase) => Array.ForEach(_layers, layer => layer.Phase = phase);
}
