using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The search of <see cref="DiffoRa"/>: steps of the logits on rows that are held back, between the steps of everything else.</summary>
internal sealed class DiffoRaTraining : AdapterTraining
{
    private const double HeldBack = 0.5;

    private readonly DiffoRaOptions _options;
    private readonly DifferentialAdaptationMatrix _matrix;
    private readonly AdapterSet _adapter;
    private readonly optim.Optimizer _optimizer;
    private TrainingRun? _run;

    public DiffoRaTraining(DiffoRaOptions options, DifferentialAdaptationMatrix matrix, AdapterSet adapter)
    {
        (_options, _matrix, _adapter) = (options, matrix, adapter);
        _optimizer = optim.Adam(
            [matrix.Logits], options.ArchitectureLearningRate, options.ArchitectureBetas[0], options.ArchitectureBetas[1], weight_decay: options.ArchitectureWeightDecay);
    }

    public override TrainingLead Begin(TrainingRun run)
    {
        _run = run;
        return new(_options.SearchStepsOf(run.TotalSteps), HeldBack, _options.SplitSeed);
    }

    public override void BeforeForward(TrainingPoint point)
    {
        if (!point.IsLead || point.Step < _options.WarmupSearchSteps)
        {
            return;
        }

        using var scope = NewDisposeScope();
        _matrix.Logits.grad = _options.SecondOrder ? SecondOrder(point.LearningRate) : ByLogits(_run!.HeldBackLoss);
        _optimizer.step();
        _matrix.Logits.grad = null;
        _matrix.Refresh();
    }

    public override void AfterStep(TrainingPoint point)
    {
        if (point.IsLead && point.Step == point.TotalSteps - 1)
        {
            using var initialization = new Initialization(_options.SplitSeed, _matrix.Logits.device);
            _matrix.Discretise(_matrix.Largest(), initialization);
        }
    }

    /// <summary>Gradient of a loss by the logits.</summary>
    internal Tensor ByLogits(Func<Tensor> loss) => Gradient().First(loss);

    /// <summary>The gradient of the held-back loss after a step ξ of everything else on the step's batch.</summary>
    internal Tensor SecondOrder(double step) => Gradient().Second(_run!.Loss, _run!.HeldBackLoss, step);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _optimizer.Dispose();
        }

        base.Dispose(disposing);
    }

    private BilevelGradient Gradient() => new(_matrix.Logits, [.. _adapter.TrainedParameters().Select(p => p.Parameter)], _matrix.Refresh);
}
