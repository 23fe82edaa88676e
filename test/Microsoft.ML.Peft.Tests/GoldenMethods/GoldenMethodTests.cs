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

    /// <summary>Compares a case, and asserts that no result of it was left out.</summary>
    private protected static void Check(string slug, string name, Action<MethodCase> compare)
    {
        using var golden = MethodCase.Load(slug, name);
        compare(golden);
        golden.AssertAllRead();
    }

    /// <summary>The parameters of a part by name.</summary>
    protected static Dictionary<string, Parameter> Named(nn.Module part) => part.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);

    /// <summary>Trains as the recorded run: its optimizer, batch and target; returns the loss before each step.</summary>
    private protected static float[] Train(
        MethodCase golden, IReadOnlyList<Parameter> parameters, Func<Tensor, Tensor> output, int steps, Action<int>? before = null, Action<int>? after = null)
        => Train(
            parameters, () => output(golden["input"]), golden["target"], steps, golden.Number("lr"), golden.TryOption("weight_decay")?.GetDouble() ?? 0, before, after,
            golden.Text("optimizer"));

    /// <summary>An optimizer with PyTorch's defaults on a fixed batch and the mean squared error; returns the loss before each step.</summary>
    protected static float[] Train(
        IReadOnlyList<Parameter> parameters, Func<Tensor> output, Tensor target, int steps, double rate, double decay,
        Action<int>? before = null, Action<int>? after = null, string? kind = "adamw")
    {
        using optim.Optimizer optimizer = kind switch
        {
            "adamw" => optim.AdamW(parameters, lr: rate, weight_decay: decay),
            "adam" => optim.Adam(parameters, lr: rate, weight_decay: decay),
            "sgd" => optim.SGD(parameters, rate, weight_decay: decay),
            _ => throw new AssertFailedException($"The optimizer is '{kind}'; these tests have adamw, adam and sgd."),
        };
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
