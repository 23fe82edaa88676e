using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What Lily's routers make outputs depend on.</summary>
[TestClass]
public sealed class LilyRoutingTests : GoldenMethodTests
{
    private static readonly LilyOptions s_options = new() { Rank = 2, Experts = 3, TargetModules = new[] { "query" } };

    [TestMethod]
    public void The_first_gradient_reaches_the_up_projections_alone_by_their_shares()
    {
        var lily = Make(s_options);
        var x = randn(7, 6);

        lily.call(x).sum().backward();

        var named = Named(lily);
        Assert.AreEqual(0, named["lily_A"].grad!.count_nonzero().item<long>());
        Assert.AreEqual(0, named["lily_router"].grad!.count_nonzero().item<long>());
        var shares = nn.functional.softmax(x.mm(named["lily_A"].t()).mm(named["lily_router"].t()), 1).mean([0L]);
        var gradients = named["lily_B"].grad!.view(3, 2, 4);
        var common = x.mm(named["lily_A"].t()).sum([0L]).unsqueeze(1).expand(2, 4); // Hᵀ·(∂L/∂Y)
        for (var e = 0; e < 3; e++)
        {
            Golden.Close.Assert(common * shares[e], gradients[e], $"expert {e}");
        }
    }

    [TestMethod]
    public void Equal_experts_leave_the_router_without_a_say_and_a_router_of_zeros_is_none()
    {
        var (lily, x) = (Random(s_options), randn(7, 6));
        using var _ = no_grad();
        Named(lily)["lily_B"].copy_(randn(1, 2, 4).expand(3, 2, 4).reshape(6, 4));
        var before = lily.call(x);
        Named(lily)["lily_router"].mul_(-3);
        Golden.Close.Assert(before, lily.call(x), "equal experts");

        var (routed, plain) = (Random(s_options), Random(s_options with { Routing = LilyRouting.None }));
        Named(routed)["lily_router"].zero_();
        Golden.Close.Assert(plain.call(x), routed.call(x), "router of zeros");
    }

    [TestMethod]
    public void Batch_routing_sees_all_rows_in_no_order_and_token_routing_none()
    {
        var x = randn(3, 5, 6);
        using var _ = no_grad();
        var batch = Random(s_options);
        var y = batch.call(x);
        Golden.Close.Assert(y.flip(0), batch.call(x.flip(0)), "order");
        Golden.Close.Assert(y, batch.call(cat([x, x])).narrow(0, 0, 3), "twice");
        Assert.IsFalse(y[0].allclose(batch.call(cat([x.narrow(0, 0, 1), x.narrow(0, 1, 2) * 2]))[0], 1e-4, 1e-4));

        var token = Random(s_options with { Routing = LilyRouting.Token });
        Golden.Close.Assert(token.call(x)[0], token.call(x.narrow(0, 0, 1))[0], "alone");
    }

    private static LinearLayer Layer() => new("query", 0, new DenseWeight(randn(4, 6)), randn(4));

    private static Lily Make(LilyOptions options) => (Lily)MethodCase.Parts(options, Layer()).Single();

    private static Lily Random(LilyOptions options)
    {
        random.manual_seed(4);
        var lily = Make(options);
        Randomize(lily);
        return lily;
    }

    private static void Randomize(Lily lily)
    {
        using var _ = no_grad();
        foreach (var (_, parameter) in Named(lily))
        {
            nn.init.normal_(parameter);
        }
    }
}
