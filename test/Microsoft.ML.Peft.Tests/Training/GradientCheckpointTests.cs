using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Training;

/// <summary>A checkpointed part against the plain run.</summary>
[TestClass]
public sealed class GradientCheckpointTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow(true, 0.0)]
    [DataRow(true, 0.5)]
    [DataRow(false, 0.5)]
    public void Gradients_are_those_of_the_plain_run(bool inputAsks, double dropout)
    {
        var (weight, input, output) = Step(inputAsks, dropout, checkpoint: false);
        var (weight2, input2, output2) = Step(inputAsks, dropout, checkpoint: true);

        Assert.IsTrue(output.bytes.SequenceEqual(output2.bytes));
        Assert.IsTrue(weight.bytes.SequenceEqual(weight2.bytes));
        Assert.AreEqual(inputAsks, input is not null);
        Assert.IsTrue(input is null ? input2 is null : input.bytes.SequenceEqual(input2!.bytes));
    }

    [TestMethod]
    public void An_error_in_the_second_run_is_thrown_after_the_backward_pass()
    {
        using var context = ForwardContext.TrainingWith(1);
        var runs = 0;
        var weight = new Parameter(ones(3));
        var y = GradientCheckpoint.Run(x => ++runs == 2 ? throw new InvalidOperationException("second run") : x * weight, ones(3), context);
        y.sum().backward();

        Assert.AreEqual("second run", Assert.ThrowsExactly<InvalidOperationException>(() => GradientCheckpoint.ThrowIfFailed(context)).Message);
        GradientCheckpoint.ThrowIfFailed(context); // once
    }

    private static (Tensor Weight, Tensor? Input, Tensor Output) Step(bool inputAsks, double dropout, bool checkpoint)
    {
        using var context = ForwardContext.TrainingWith(7);
        var weight = new Parameter(arange(16, ScalarType.Float32).view(4, 4) / 8);
        var input = (arange(8, ScalarType.Float32).view(2, 4) / 4).requires_grad_(inputAsks);
        Tensor Part(Tensor x) => context.Dropout(nn.functional.linear(x, weight).tanh(), dropout);
        var first = checkpoint ? GradientCheckpoint.Run(Part, input, context) : Part(input);
        var output = context.Dropout(checkpoint ? GradientCheckpoint.Run(Part, first, context) : Part(first), dropout);
        output.sum().backward();
        GradientCheckpoint.ThrowIfFailed(context);
        return (weight.grad!, input.grad, output.detach());
    }
}
