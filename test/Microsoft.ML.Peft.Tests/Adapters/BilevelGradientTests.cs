using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The gradient of both orders on a tiny model in Float64.</summary>
[TestClass]
public sealed class BilevelGradientTests
{
    private const double Rate = 0.2;

    private DisposeScope _scope = null!;
    private Tensor _alpha = null!;
    private Tensor[] _omega = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        _alpha = randn(3, dtype: ScalarType.Float64);
        _omega = [randn(4, 3, dtype: ScalarType.Float64).requires_grad_(), randn(3, 2, dtype: ScalarType.Float64).requires_grad_()];
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void The_second_order_is_the_slope_of_the_held_back_loss_after_a_step()
    {
        const double Nudge = 1e-5;
        var before = Array.ConvertAll(_omega, p => p.detach().clone());
        var gradient = Gradient().Second(() => Loss(1), () => Loss(2), Rate);
        var numeric = zeros(3, ScalarType.Float64);
        for (var k = 0; k < 3; k++)
        {
            numeric[k] = (HeldBackAfterStep(k, Nudge) - HeldBackAfterStep(k, -Nudge)) / (2 * Nudge);
        }

        var size = numeric.norm().item<double>();
        Assert.IsLessThan(1e-3 * size, (gradient - numeric).norm().item<double>());
        Assert.IsGreaterThan(0.1 * size, (Gradient().First(() => Loss(2)) - numeric).norm().item<double>(), "the orders are alike here, so that this test says nothing");
        Assert.IsTrue(before.Zip(_omega).All(p => p.First.bytes.SequenceEqual(p.Second.bytes)));
        Assert.IsTrue(!_alpha.requires_grad && _omega.All(p => p.grad is null));
    }

    [TestMethod]
    public void Without_a_step_it_is_the_first_order_which_is_autograds()
    {
        var first = Gradient().First(() => Loss(2)).clone();
        Assert.IsTrue(first.allclose(Gradient().Second(() => Loss(1), () => Loss(2), 0), 1e-12, 1e-12));
        _alpha.requires_grad_();
        Assert.IsTrue(first.allclose(autograd.grad([Loss(2)], [_alpha])[0], 1e-12, 1e-12));
    }

    private BilevelGradient Gradient() => new(_alpha, _omega, () => { });

    private Tensor Loss(int batch)
    {
        var x = arange(20, ScalarType.Float64).view(5, 4).add(batch).sin();
        return ((x.mm(_omega[0]) * _alpha.softmax(0)).tanh().mm(_omega[1]) - batch).square().mean();
    }

    private double HeldBackAfterStep(int k, double by)
    {
        var (alpha, omega) = (_alpha, _omega);
        try
        {
            _alpha = alpha.clone();
            _alpha[k].add_(by);
            var gradients = autograd.grad([Loss(1)], omega);
            _omega = [.. omega.Zip(gradients).Select(p => (p.First - (p.Second * Rate)).detach())];
            return Loss(2).item<double>();
        }
        finally
        {
            (_alpha, _omega) = (alpha, omega);
        }
    }
}
