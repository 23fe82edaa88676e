using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Writes the columns of <see cref="Paca"/> through to the base weight after each step, and puts the base back at the end.</summary>
internal sealed class PacaTraining : AdapterTraining
{
    private readonly Paca[] _layers;
    private readonly PacaOptions _options;

    public PacaTraining(AdapterSet adapter, PacaOptions options)
    {
        (_layers, _options) = ([.. adapter.Adapters.OfType<Paca>()], options);
        if (options.WritesThrough)
        {
            if (adapter.IsMerged)
            {
                throw new PeftException($"The adapter '{adapter.Name}' is merged into the base weights; undo the merge before it is trained.");
            }

            Array.ForEach(_layers, layer => layer.Begin());
        }
    }

    // Not between a forward pass and its backward pass, which reads the weight.
    public override void AfterStep(TrainingPoint point)
    {
        foreach (var layer in _layers)
        {
            if (_options.ChangeDecay > 0)
            {
                layer.Decay(point.LearningRate * _options.ChangeDecay);
            }

            if (_options.WritesThrough)
            {
                layer.Write();
            }
        }
    }

    public override void Finish() => Array.ForEach(_layers, layer => layer.End());

    protected override void Dispose(bool disposing) => Finish();
}
