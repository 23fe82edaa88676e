using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

/// <summary>Base of the tests against what the authors' own code computes.</summary>
[TestCategory("GoldenMethods")]
public abstract class GoldenMethodTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    /// <summary>The parameters of a part by name.</summary>
    protected static Dictionary<string, Parameter> Named(nn.Module part) => part.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);

    /// <summary>AdamW with PyTorch's defaults on a fixed batch and the mean squared error; returns the loss before each step.</summary>
    protected static float[] Train(
        IReadOnlyList<Parameter> parameters, Func<Tensor> output, Tensor target, int steps, double rate, double decay, Action<int>? before = null, Action<int>? after = null)
    {
        using var optimizer = optim.AdamW(parameters, lr: rate, weight_decay: decay);
        var losses = new float[steps];
        for (var step = 0; step < steps; step++)
        {
            before?.Invoke(step);
            optimizer.zero_grad();
            var loss = (output() - target).square().mean();
            losses[step] = loss.item<float>();
            loss.backward();
            optimizer.step();
            after?.Invoke(step);
        }

        return losses;
    }
}
