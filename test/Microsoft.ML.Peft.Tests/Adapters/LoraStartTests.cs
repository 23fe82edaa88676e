using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>PiSSA owes what LoRA owes.</summary>
[TestClass]
public sealed class PissaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoraOptions { Rank = 2, Alpha = 2, Start = LoraStart.Pissa };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void The_start_is_the_best_approximation_of_the_rank()
    {
        var layer = Layer();
        var adapter = (Lora)Wrap(layer);
        var start = adapter.Factors.B.mm(adapter.Factors.A).mul(adapter.Factors.Scale);

        var values = linalg.svd(layer.Weight.Dense(), fullMatrices: false).S;
        var rest = linalg.svd(layer.Weight.Dense() - start, fullMatrices: false).S;
        AssertClose(values.narrow(0, 2, 2), rest.narrow(0, 0, 2));
    }
}

/// <summary>PiSSA by a randomised decomposition owes what LoRA owes.</summary>
[TestClass]
public sealed class FastPissaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoraOptions { Rank = 2, Alpha = 2, Start = LoraStart.PissaIterated(16) };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void It_is_close_to_the_exact_start()
    {
        var fast = ((Lora)Wrap(Layer())).Factors;
        using var initialization = new Initialization(0);
        var exact = new Lora(Layer(), new() { Rank = 2, Alpha = 2, Start = LoraStart.Pissa }, new AdapterBuild([], initialization)).Factors;

        Assert.IsTrue(exact.B.mm(exact.A).allclose(fast.B.mm(fast.A), rtol: 1e-3, atol: 1e-3));
        Assert.AreEqual((4, 2), (fast.Updated.A.size(0), fast.Rank)); // [A; A₀]
    }
}

/// <summary>OLoRA owes what LoRA owes.</summary>
[TestClass]
public sealed class OloraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoraOptions { Rank = 2, Alpha = 3, Start = LoraStart.Olora };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void B_starts_with_columns_at_right_angles()
        => AssertClose(eye(2), ((Lora)Wrap(Layer())).Factors.B.t().mm(((Lora)Wrap(Layer())).Factors.B));
}

/// <summary>The orthogonal start owes what LoRA owes.</summary>
[TestClass]
public sealed class OrthogonalStartTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoraOptions { Rank = 2, Start = LoraStart.Orthogonal };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void Both_factors_are_there_and_cancel()
    {
        var factors = ((Lora)Wrap(Layer())).Factors;

        Assert.IsGreaterThan(1e-3, factors.A.abs().min().item<float>() + factors.B.abs().max().item<float>());
        AssertClose(zeros(4, 6), factors.B.mm(factors.A));
    }

    [TestMethod]
    public void An_odd_rank_is_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<PeftException>(() => new Lora(
            Layer(), new() { Rank = 3, Start = LoraStart.Orthogonal }, new AdapterBuild([], initialization)));
        StringAssert.Contains(error.Message, "r is 3");
    }
}

/// <summary>MiCA owes what LoRA owes.</summary>
[TestClass]
public sealed class MicaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoraOptions { Rank = 2, Start = LoraStart.Mica };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * inputs;

    [TestMethod]
    public void B_holds_the_smallest_directions()
    {
        var layer = Layer();
        var b = ((Lora)Wrap(layer)).Factors.B;
        var values = linalg.svd(layer.Weight.Dense(), fullMatrices: false).S;

        AssertClose(values.narrow(0, 2, 2), b.t().mm(layer.Weight.Dense()).square().sum(1).sqrt());
    }

    [TestMethod]
    public void A_rank_above_the_layer_is_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<PeftException>(() => new Lora(
            Layer(), new() { Rank = 5, Start = LoraStart.Mica }, new AdapterBuild([], initialization)));
        StringAssert.Contains(error.Message, "has 4; r is 5");
    }
}
