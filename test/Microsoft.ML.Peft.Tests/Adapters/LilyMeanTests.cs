using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What Lily takes the mean of its router over: padding or not, one batch or a whole run.</summary>
[TestClass]
public sealed class LilyMeanTests : GoldenMethodTests
{
    private static readonly LilyOptions s_options = new() { Rank = 2, Experts = 3, TargetModules = new[] { "query" } };

    [TestMethod]
    public void Padding_is_left_out_of_the_mean_where_the_settings_say_so()
    {
        var lily = Random(s_options with { IgnoresPadding = true });
        using var _ = no_grad();
        using var batch = new TokenBatch([[5, 6, 7], [8]], padId: 0);
        using var context = ForwardContext.Predicting();
        context.Enter(new ModelInputs { Tokens = batch });
        var x = randn(6, 6); // two rows of three tokens, the last two are padding
        var y = Of(lily, x, context);
        var padding = x.clone();
        padding.narrow(0, 4, 2).mul_(5);

        Golden.Close.Assert(y.narrow(0, 0, 4), Of(lily, padding, context).narrow(0, 0, 4), "padding");
        Golden.Close.Assert(y.narrow(0, 0, 4), lily.call(x.narrow(0, 0, 4)), "real tokens alone");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Of(lily, randn(5, 6), context)).Message, "a layer sees 5 tokens where the batch has 6");
    }

    [TestMethod]
    public void The_mean_of_a_run_makes_rows_independent_and_merges()
    {
        var options = s_options with { Evaluation = LilyEvaluation.Running };
        var layer = Layer();
        var lily = (Lily)MethodCase.Parts(options, layer).Single();
        Randomize(lily);
        using var _ = no_grad();
        var (first, second) = (randn(40, 6), randn(40, 6) + 1);
        var (one, two) = (Shares(lily, first), Shares(lily, second));
        using (var training = ForwardContext.TrainingWith(1))
        {
            Of(lily, first, training);
            Of(lily, second, training);
        }

        Golden.Close.Assert((one * 0.99) + (two * 0.01), Named(lily)["lily_shares"], "running mean");
        var x = randn(5, 6);
        Golden.Close.Assert(lily.call(x)[0], lily.call(x.narrow(0, 0, 1))[0], "alone");
        Golden.Close.Assert(lily.call(x), nn.functional.linear(x, lily.Materialize(layer.Weight.Dense()), layer.Bias), "merged");
        Assert.IsTrue(options.CanMerge);
        Assert.IsFalse((options with { Function = "relu" }).CanMerge);
        using var set = AdapterSet.Of("x", options, [lily], 1);
        using var lora = AdapterConversion.ToLora(set);
        Golden.Close.Assert(lily.call(x), ((Lora)lora.Adapters.Single()).call(x), "LoRA");
        Assert.ThrowsExactly<ArgumentException>(() => (options with { Routing = LilyRouting.Token }).Validate());
    }

    private static Tensor Shares(Lily lily, Tensor x)
        => nn.functional.softmax(x.mm(Named(lily)["lily_A"].t()).mm(Named(lily)["lily_router"].t()), 1).mean([0L]);

    private static Tensor Of(Lily lily, Tensor x, ForwardContext context) => lily.Forward(x, new LayerCall(lily.Layer, [], context));

    private static LinearLayer Layer() => new("query", 0, new DenseWeight(randn(4, 6)), randn(4));

    private static Lily Random(LilyOptions options)
    {
        random.manual_seed(4);
        var lily = (Lily)MethodCase.Parts(options, Layer()).Single();
        Randomize(lily);
        return lily;
    }

    private static void Randomize(Lily lily)
    {
        using var _ = no_grad();
        foreach (var (_, parameter) in Named(lily).Where(p => p.Key != "lily_shares"))
        {
            nn.init.normal_(parameter);
        }
    }
}
