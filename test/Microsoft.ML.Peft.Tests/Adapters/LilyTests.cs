using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What Lily owes on one layer.</summary>
[TestClass]
public sealed class LilyTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LilyOptions { Rank = 2, Experts = 3, Scaling = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * inputs) + (3 * 2 * outputs) + (3 * 2);

    [TestMethod]
    [DataRow(LilyRouting.Batch)]
    [DataRow(LilyRouting.Token)]
    [DataRow(LilyRouting.None)]
    public void The_output_is_that_of_the_formula(LilyRouting routing)
    {
        var layer = Layer();
        var adapter = Make(routing, layer)[0];
        Randomize(adapter);
        var x = randn(5, 6);
        var low = x.mm(Parameter(adapter, "lily_A").t());
        var shares = nn.functional.softmax(low.mm(Parameter(adapter, "lily_router").t()), 1); // (tokens, experts)
        shares = routing == LilyRouting.Batch ? shares.mean([0L], keepdim: true).expand(5, 3) : routing == LilyRouting.None ? full_like(shares, 1 / 3.0) : shares;
        var expected = Base(layer, x);
        for (var e = 0; e < 3; e++)
        {
            expected = expected + (shares.narrow(1, e, 1) * low.mm(Parameter(adapter, "lily_B").narrow(0, 2 * e, 2)) * 2);
        }

        AssertClose(expected, adapter.call(x));
    }

    [TestMethod]
    public void Only_equal_shares_merge()
    {
        Assert.IsFalse(new LilyOptions().CanMerge);
        Assert.IsTrue(new LilyOptions { Routing = LilyRouting.None }.CanMerge);
        Assert.IsFalse(new LilyOptions().ToJson().Contains("routing", StringComparison.Ordinal)); // HF PEFT does not know it
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Make(LilyRouting.Token, Layer())[0].Materialize(zeros(4, 6))).Message, "routing 'token'");
        Assert.AreEqual("scaling", string.Join(", ", new[] { "compact", "eval_pi", "mask_padding", "mlp", "non_linearity", "scaling" }.Where(f => new LilyOptions().ToJson().Contains($"\"{f}\"", StringComparison.Ordinal))));
    }

    private static List<Lily> Make(LilyRouting routing, params LinearLayer[] layers)
    {
        using var initialization = new Initialization(0);
        var options = new LilyOptions { Rank = 2, Experts = 3, Scaling = 2, Stride = 2, Routing = routing, TargetModules = new[] { "query" } };
        return [.. options.CreateParts(new AdapterBuild(layers, initialization)).Cast<Lily>()];
    }
}

/// <summary>What it owes without a router.</summary>
[TestClass]
public sealed class LilyWithoutRouterTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LilyOptions { Rank = 2, Experts = 3, Routing = LilyRouting.None };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * inputs) + (3 * 2 * outputs);
}
