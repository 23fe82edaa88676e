using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The search of <see cref="DiffoRa"/>: steps of the logits on rows that are held back, between the steps of everything else.</summary>
/// <remarks>First order: the gradient of the held-back loss by the logits. Second order: the same after a step of everything else on its own batch,
/// <c>∂L_V(ω′, α) − ξ·[∂L_T(ω⁺, α) − ∂L_T(ω⁻, α)]/(2ε)</c>, <c>ω′ = ω − ξ·∂L_T(ω)</c>, <c>ω± = ω ± ε·v</c>, <c>v = ∂L_V(ω′)</c>, ε = 0.01/‖v‖.</remarks>
internal sealed class DiffoRaTraining : AdapterTraining
{
    private const double HeldBack = 0.5;
    private const double Nudge = 0.01;

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
        var gradient = _options.SecondOrder ? SecondOrder(point.LearningRate) : ByLogits(_run!.HeldBackLoss);
        _matrix.Logits.grad = gradient;
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
    internal Tensor ByLogits(Func<Tensor> loss) => WithLogits(loss, [])[0];

    /// <summary>The gradient of the held-back loss after a step ξ of everything else on the step's batch.</summary>
    internal Tensor SecondOrder(double step)
    {
        var parameters = _adapter.TrainedParameters().Select(p => p.Parameter).ToArray();
        using var back = new Values(parameters);
        var ahead = autograd.grad([_run!.Loss()], parameters, allow_unused: true);
        Move(parameters, ahead, -step);
        var held = WithLogits(_run.HeldBackLoss, parameters);
        var directions = held[1..];
        var length = Math.Sqrt(directions.Where(Exists).Sum(d => Math.Pow(d.norm().item<float>(), 2)));
        back.Restore();
        if (length == 0)
        {
            return held[0];
        }

        var nudge = Nudge / length;
        Move(parameters, directions, nudge);
        var plus = ByLogits(_run.Loss);
        back.Restore();
        Move(parameters, directions, -nudge);
        var minus = ByLogits(_run.Loss);
        back.Restore();
        return held[0] - ((plus - minus) * (step / (2 * nudge)));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _optimizer.Dispose();
        }

        base.Dispose(disposing);
    }

    // Gradients by the logits, which join the graph for this loss alone, and by other parameters.
    private Tensor[] WithLogits(Func<Tensor> loss, Parameter[] others)
    {
        _matrix.Logits.requires_grad = true;
        try
        {
            _matrix.Refresh();
            var gradients = autograd.grad([loss()], [_matrix.Logits, .. others], allow_unused: true).ToArray();
            gradients[0] = Exists(gradients[0]) ? gradients[0] : zeros_like(_matrix.Logits).detach();
            return gradients;
        }
        finally
        {
            _matrix.Logits.requires_grad = false;
            _matrix.Refresh();
        }
    }

    private static bool Exists(Tensor? gradient) => gradient is not null && !gradient.IsInvalid;

    private static void Move(Parameter[] parameters, IList<Tensor> directions, double by)
    {
        using var _ = no_grad();
        for (var k = 0; k < parameters.Length; k++)
        {
            if (Exists(directions[k]))
            {
                parameters[k].add_(directions[k], by);
            }
        }
    }

    // The numbers of parameters, to be put back to the last bit.
    private sealed class Values(Parameter[] parameters) : IDisposable
    {
        private readonly Tensor[] _values = Array.ConvertAll(parameters, parameter => parameter.detach().clone());

        public void Restore()
        {
            using var _ = no_grad();
            for (var k = 0; k < parameters.Length; k++)
            {
                parameters[k].copy_(_values[k]);
            }
        }

        public void Dispose() => Array.ForEach(_values, value => value.Dispose());
    }
}
