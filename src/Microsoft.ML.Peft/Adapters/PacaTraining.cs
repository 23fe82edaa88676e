using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Writes the columns of <see cref="Paca"/> through to the base weight after each step, and puts the base back at the end.</summary>
internal sealed class PacaTraining : AdapterTraining
{
    private readonly Paca[] _layers;
    private readonly Paca[][] _written = []; // layers whose columns are scaled together
    private readonly double _decay;

    public PacaTraining(AdapterSet adapter, PacaOptions options)
    {
        (_layers, _decay) = ([.. adapter.Adapters.OfType<Paca>()], options.ChangeDecay);
        if (options.WritesThrough)
        {
            if (adapter.IsMerged)
            {
                throw new PeftException($"The adapter '{adapter.Name}' is merged into the base weights; undo the merge before it is trained.");
            }

            _written = [.. _layers.Where(layer => layer.CanBeWritten()).GroupBy(layer => layer.Form).Select(alike => alike.ToArray())];
            Array.ForEach(_written, alike => Array.ForEach(alike, layer => layer.Begin()));
            Array.ForEach(_written, Write);
        }
    }

    public override bool ReadsGradients => false;

    public override bool HasChanged => false;

    // Not between a forward pass and its backward pass, which reads the weight.
    public override void AfterStep(TrainingPoint point)
    {
        if (_decay > 0)
        {
            Array.ForEach(_layers, layer => layer.Decay(point.LearningRate * _decay));
        }

        Array.ForEach(_written, Write);
    }

    public override void Finish() => Array.ForEach(_layers, layer => layer.End());

    protected override void Dispose(bool disposing) => Finish();

    // Cast and scaled at once for all layers: one operator a layer is left.
    private static void Write(Paca[] alike)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var form = alike[0].Form;
        var scaled = cat(Array.ConvertAll(alike, layer => layer.Numbers)).to(form.Type).mul_(form.Scale).to(form.Weight);
        long start = 0;
        foreach (var layer in alike)
        {
            var count = layer.Numbers.numel();
            layer.Write(scaled.narrow(0, start, count));
            start += count;
        }
    }
}
