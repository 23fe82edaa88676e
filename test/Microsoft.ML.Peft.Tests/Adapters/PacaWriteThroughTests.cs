using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>PaCA with its columns in the base weight while it is trained.</summary>
[TestClass]
public sealed class PacaWriteThroughTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void It_computes_the_same_and_the_base_comes_back_to_the_last_bit()
    {
        var (options, stored, x, target) = (new PacaOptions { Rank = 3, Alpha = 6, WritesThrough = true }, randn(4, 6), Input(), randn(2, 3, 4));
        var (layer, other) = (Layer(stored.clone()), Layer(stored.clone()));
        var (beside, written) = (Make(options, other), Make(options, layer));
        using var set = AdapterSet.Of("x", options, [written], 1);
        using var first = optim.AdamW(beside.parameters(), lr: 0.1, weight_decay: 0);
        using var second = optim.AdamW(written.parameters(), lr: 0.1, weight_decay: 0);
        using (var training = ((AdapterOptions)options).CreateTraining(set)!)
        {
            Assert.IsTrue(set.ChangesNothing());
            for (var step = 0; step < 5; step++)
            {
                Step(first, beside);
                Step(second, written);
                training.AfterStep(new(step, 5, 0.1));
                var output = written.call(x).detach();
                Golden.Close.Assert(beside.call(x), output, "beside the base", 1e-5);
                using var _ = no_grad();
                Golden.Close.Assert(output, written.call(x), "predicting", 1e-6);
                Golden.Close.Assert(output, Base(layer, x), "the base", 1e-6);
                Golden.Close.Assert(output, nn.functional.linear(x, written.Materialize(stored)), "merged", 1e-6);
            }

            Assert.IsFalse(set.ChangesNothing());
        }

        Assert.IsTrue(stored.bytes.SequenceEqual(layer.Weight.Dense().bytes));
        Golden.Close.Assert(beside.call(x), written.call(x), "afterwards");

        void Step(optim.Optimizer optimizer, Paca adapter)
        {
            optimizer.zero_grad();
            (adapter.call(x) - target).square().mean().backward();
            optimizer.step();
        }
    }

    [TestMethod]
    public void Without_the_columns_of_the_base_the_weight_stays_changed_and_what_needs_them_says_so()
    {
        var (options, layer, x) = (new PacaOptions { Rank = 3, Alpha = 6, WritesThrough = true, KeepsBaseColumns = false }, Layer(randn(4, 6)), Input());
        var before = layer.Weight.Dense().clone();
        var adapter = Make(options, layer);
        using var set = AdapterSet.Of("x", options, [adapter], 1);
        using (var training = ((AdapterOptions)options).CreateTraining(set)!)
        {
            Randomize(adapter);
            training.AfterStep(new(0, 1, 0.1));
        }

        Assert.IsFalse(before.bytes.SequenceEqual(layer.Weight.Dense().bytes));
        Golden.Close.Assert(adapter.Materialize(before), layer.Weight.Dense(), "the base");
        Golden.Close.Assert(Base(layer, x), adapter.call(x), "beside it");
        Assert.IsFalse(set.ChangesNothing());
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterConversion.ToLora(set)).Message, "KeepsBaseColumns is false");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>((options with { ChangeDecay = 0.1 }).Validate).Message, "KeepsBaseColumns is false");
        Assert.IsTrue(((PacaOptions)AdapterOptions.FromJson(new PacaOptions().ToJson(), "test")).KeepsBaseColumns);
    }

    [TestMethod]
    public void Layers_of_other_scales_and_types_are_written_each_in_its_own()
    {
        var options = new PacaOptions { Rank = 2, WritesThrough = true, RankPattern = new Dictionary<string, int> { ["key"] = 3 } };
        LinearLayer[] layers = [Layer(randn(4, 6)), Layer(randn(5, 6), "key"), Layer(randn(3, 6).to(ScalarType.BFloat16), "value"), Layer(randn(4, 6), "dense")];
        var parts = MethodCase.Parts(options, layers).Cast<Paca>().ToArray();
        using var set = AdapterSet.Of("x", options, parts, layers.Length);
        var before = Array.ConvertAll(layers, layer => layer.Weight.Dense().clone());
        using var training = ((AdapterOptions)options).CreateTraining(set)!;
        Array.ForEach(parts, Randomize);

        training.AfterStep(new(0, 1, 0.1));

        for (var k = 0; k < layers.Length; k++)
        {
            Assert.IsTrue(parts[k].Materialize(before[k]).bytes.SequenceEqual(layers[k].Weight.Dense().bytes), layers[k].Path);
        }
    }

    [TestMethod]
    public void It_trains_alone_and_on_weights_of_its_own()
    {
        var (layer, options) = (new LinearLayer("block.0.query", 0, new DenseWeight(randn(4, 6)), randn(4)), new PacaOptions { Rank = 3, WritesThrough = true });
        var before = layer.Weight.Dense().clone();
        var paca = Make(options, layer);
        var lora = (Lora)MethodCase.Parts(new LoraOptions(), layer).Single();
        paca.Begin();
        using var context = ForwardContext.Predicting();
        var (bias, x) = (new TrainedBias(layer, "bias"), Input());
        Golden.Close.Assert(Base(layer, x), new LayerCall(layer, [bias, paca], context).Forward(x), "with a trained bias");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => new LayerCall(layer, [lora, paca], context).Forward(x)).Message, "where another adapter acts too");
        paca.End();

        var tied = Make(options, new LinearLayer("head", 1, new TiedWeight(new EmbeddingLayer("words", 0, randn(4, 6))), null));
        using var set = AdapterSet.Of("x", options, [paca, tied], 2);
        Randomize(paca);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => ((AdapterOptions)options).CreateTraining(set)).Message, "shares its weight");
        Assert.IsTrue(before.bytes.SequenceEqual(layer.Weight.Dense().bytes), "the other layer was written");
    }

    [TestMethod]
    public void A_weight_that_is_stored_transposed_is_written_through_too()
    {
        var (stored, options) = (randn(6, 4), new PacaOptions { Rank = 2, WritesThrough = true }); // (in, out), as GPT-2 has it
        var before = stored.clone();
        var adapter = Make(options, new LinearLayer("c_attn", 0, new InOutWeight(stored), null));
        Randomize(adapter);
        using var set = AdapterSet.Of("x", options, [adapter], 1);
        var (x, expected) = (Input(), adapter.Materialize(before.t()));
        using (((AdapterOptions)options).CreateTraining(set))
        {
            Golden.Close.Assert(expected.t(), stored, "stored");
            Golden.Close.Assert(nn.functional.linear(x, expected), adapter.call(x), "output");
        }

        Assert.IsTrue(before.bytes.SequenceEqual(stored.bytes));
    }

    private static Paca Make(PacaOptions options, LinearLayer layer) => (Paca)MethodCase.Parts(options, layer).Single();

    private static LinearLayer Layer(Tensor weight, string name = "query") => new($"block.0.{name}", 0, new DenseWeight(weight), null);

    private static Tensor Input() => randn(2, 3, 6);

    private static Tensor Base(LinearLayer layer, Tensor x)
    {
        using var context = ForwardContext.Predicting();
        return layer.Forward(x, context);
    }

    private static void Randomize(Paca adapter)
    {
        using var _ = no_grad();
        nn.init.normal_(adapter.get_parameter("paca_P")!);
    }
}
