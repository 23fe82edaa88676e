using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[TestClass]
public sealed class AutogradTests : LeakCheckedTests
{
    [TestMethod]
    public void GradientOfACube()
    {
        var x = tensor(new float[] { 1, 2, 3 }, requires_grad: true);
        (x * x * x).sum().backward();
        AreClose([3, 12, 27], x.grad!);
    }

    [TestMethod]
    public void GradientsAddUpUntilTheyAreTakenAway()
    {
        var x = tensor(new float[] { 2 }, requires_grad: true);
        x.mul(3).sum().backward();
        x.mul(3).sum().backward();
        AreClose([6], x.grad!);
        x.grad = null;
        Assert.IsNull(x.grad);
    }

    [TestMethod]
    public void GradGivesWithoutStoring()
    {
        var x = tensor(new float[] { 1, 2 }, requires_grad: true);
        var g = autograd.grad([x.square().sum()], [x])[0];
        AreClose([2, 4], g);
        Assert.IsNull(x.grad);
    }

    [TestMethod]
    public void SecondDerivative()
    {
        var x = tensor(new float[] { 3 }, requires_grad: true);
        var first = autograd.grad([x.pow(3).sum()], [x], create_graph: true)[0];
        var second = autograd.grad([first.sum()], [x])[0];
        AreClose([27], first);
        AreClose([18], second);
    }

    [TestMethod]
    public void NothingIsRecordedWithinNoGrad()
    {
        var x = ones(2, requires_grad: true);
        using (no_grad())
        {
            Assert.IsFalse(is_grad_enabled());
            Assert.IsFalse((x * 2).requires_grad);
            using (enable_grad()) Assert.IsTrue((x * 2).requires_grad);
        }
        Assert.IsTrue((x * 2).requires_grad);
        using (inference_mode())
        {
            Assert.IsTrue(is_inference_mode_enabled());
            Assert.IsFalse((x * 2).requires_grad);
        }
    }

    private sealed class Square : autograd.SingleTensorFunction<Square>
    {
        public override string Name => nameof(Square);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var x = (Tensor)vars[0];
            ctx.save_for_backward([x]);
            ctx.save_data("factor", vars[1]);
            return x * x * (double)vars[1];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
            [ctx.get_saved_variables()[0] * 2 * (double)ctx.get_data("factor") * grad_output, null!];
    }

    [TestMethod]
    public void OwnFunction()
    {
        var x = tensor(new float[] { 1, 2, 3 }, requires_grad: true);
        var y = Square.apply(x, 0.5);
        AreClose([0.5f, 2, 4.5f], y);
        y.sum().backward();
        AreClose([1, 2, 3], x.grad!);
    }

    [TestMethod]
    public void OwnFunctionTwice()
    {
        var x = tensor(new float[] { 3 }, requires_grad: true);
        var first = autograd.grad([Square.apply(x, 1.0).sum()], [x], create_graph: true)[0];
        var second = autograd.grad([first.sum()], [x])[0];
        AreClose([6], first);
        AreClose([2], second);
    }

    [TestMethod]
    public void OwnFunctionWithoutGradientGivesPlainTensors() => Assert.IsFalse(Square.apply(ones(2), 1.0).requires_grad);

    private sealed class SumAndDifference : autograd.MultiTensorFunction<SumAndDifference>
    {
        public override string Name => nameof(SumAndDifference);
        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars) => [(Tensor)vars[0] + (Tensor)vars[1], (Tensor)vars[0] - (Tensor)vars[1]];
        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs) => [grad_outputs[0] + grad_outputs[1], grad_outputs[0] - grad_outputs[1]];
    }

    [TestMethod]
    public void SeveralOutputsOfWhichOneIsUsed()
    {
        var a = ones(2, requires_grad: true);
        var b = ones(2, requires_grad: true);
        var outputs = SumAndDifference.apply(a, b);
        (outputs[1] * 3).sum().backward();
        AreClose([3, 3], a.grad!);
        AreClose([-3, -3], b.grad!);
    }

    private sealed class Failing : autograd.SingleTensorFunction<Failing>
    {
        public override string Name => nameof(Failing);
        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) => ((Tensor)vars[0]).clone();
        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => throw new FormatException("broken on purpose");
    }

    [TestMethod]
    public void AnExceptionInBackwardComesBackAsItself()
    {
        var x = ones(2, requires_grad: true);
        var e = Assert.ThrowsExactly<FormatException>(() => Failing.apply(x).sum().backward());
        Assert.AreEqual("broken on purpose", e.Message);
        x.mul(2).sum().backward();
        AreClose([2, 2], x.grad!);
    }

    private sealed class WrongShape : autograd.SingleTensorFunction<WrongShape>
    {
        public override string Name => nameof(WrongShape);
        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) => ((Tensor)vars[0]).clone();
        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => [ones(7)];
    }

    [TestMethod]
    public void AGradientOfTheWrongShapeIsAnError()
    {
        var e = Assert.ThrowsExactly<ExternalException>(() => WrongShape.apply(ones(2, requires_grad: true)).sum().backward());
        StringAssert.Contains(e.Message, "shape");
    }

    [TestMethod]
    public void BackwardTwiceIsAnError()
    {
        var x = ones(2, requires_grad: true);
        var y = x.exp().sum();
        y.backward();
        var e = Assert.ThrowsExactly<ExternalException>(y.backward);
        StringAssert.Contains(e.Message, "second time");
        var own = Square.apply(x, 1.0).sum();
        own.backward();
        Assert.ThrowsExactly<ExternalException>(own.backward);
    }

    [TestMethod]
    public void RetainGradKeepsTheGradientOfAnIntermediate()
    {
        var x = ones(2, requires_grad: true);
        var y = x * 2;
        y.retain_grad();
        (y * 3).sum().backward();
        AreClose([3, 3], y.grad!);
    }

    [TestMethod]
    public void OwnFunctionsDoNotLeak()
    {
        long before = Tensor.TotalCount;
        for (int k = 0; k < 300; k++)
        {
            using var scope = NewDisposeScope();
            var x = ones(4, requires_grad: true);
            Square.apply(x, 1.0).sum().backward();
        }
        Assert.AreEqual(before, Tensor.TotalCount);
    }
}
