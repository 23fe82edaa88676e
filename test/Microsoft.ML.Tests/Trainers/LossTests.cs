using Microsoft.ML.Trainers;

namespace FoundationTests.Trainers;

/// <summary>Losses by what defines them: derivatives by differences, duals by the inequality of Fenchel and Young.</summary>
[TestClass]
public sealed class LossTests
{
    private static IEnumerable<(IScalarLoss Loss, float[] Labels)> All =>
    [
        (new LogLoss(), [0, 1]), (new HingeLoss(), [0, 1]), (new HingeLoss(2), [0, 1]), (new SmoothedHingeLoss(), [0, 1]), (new SmoothedHingeLoss(0.5f), [0, 1]),
        (new ExpLoss(0.7f), [0, 1]), (new SquaredLoss(), [-1.5f, 0, 2]), (new PoissonLoss(), [0, 1, 4]),
    ];

    private static readonly float[] Outputs = [-2.3f, -0.8f, -0.11f, 0.13f, 0.77f, 1.9f, 2.6f];

    [TestMethod]
    public void Derivatives_are_what_differences_say()
    {
        const float h = 1e-2f;
        foreach (var (loss, labels) in All)
        {
            foreach (float label in labels)
            {
                foreach (float output in Outputs)
                {
                    double difference = (loss.Loss(output + h, label) - loss.Loss(output - h, label)) / (2 * h);
                    Assert.AreEqual(difference, loss.Derivative(output, label), 5e-3, $"{loss.GetType().Name} at {output}, label {label}");
                }
            }
        }
    }

    /// <summary>loss(o) + α·o ≥ dual(α) for every α, and equal where α is minus the derivative.</summary>
    [TestMethod]
    public void Duals_bound_the_loss_and_touch_it_at_its_derivative()
    {
        foreach (var (loss, labels) in All.Where(l => l.Loss is ISupportSdcaLoss))
        {
            var dual = (ISupportSdcaLoss)loss;
            foreach (float label in labels)
            {
                foreach (float output in Outputs)
                {
                    for (float alpha = -3; alpha <= 3; alpha += 0.25f)
                        Assert.IsGreaterThanOrEqualTo(dual.DualLoss(label, alpha) - 1e-6, loss.Loss(output, label) + alpha * output);
                    float touching = -loss.Derivative(output, label);
                    Assert.AreEqual(dual.DualLoss(label, touching), loss.Loss(output, label) + touching * output, 1e-5, $"{loss.GetType().Name} at {output}");
                }
            }
        }
    }

    /// <summary>A step never lowers the dual objective of its row: dual(α) − s·(Δα)²/2 − Δα·o.</summary>
    [TestMethod]
    public void Dual_steps_go_up()
    {
        foreach (var (loss, labels) in All.Where(l => l.Loss is ISupportSdcaLoss))
        {
            var dual = (ISupportSdcaLoss)loss;
            foreach (float label in labels)
            {
                foreach (float scale in new[] { 0.1f, 1, 5 })
                {
                    float alpha = 0, invariant = dual.ComputeDualUpdateInvariant(scale);
                    foreach (float output in Outputs)
                    {
                        float step = dual.DualUpdate(output, label, alpha, invariant, 1);
                        double before = dual.DualLoss(label, alpha), after = dual.DualLoss(label, alpha + step) - step * output - scale * step * step / 2;
                        Assert.IsGreaterThanOrEqualTo(before - 1e-5, after, $"{loss.GetType().Name} label {label} scale {scale} output {output}");
                        alpha += step;
                    }
                }
            }
        }
    }
}
