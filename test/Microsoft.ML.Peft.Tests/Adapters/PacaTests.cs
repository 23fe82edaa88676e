using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What PaCA owes.</summary>
[TestClass]
public sealed class PacaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PacaOptions { Rank = 3, Alpha = 6 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3 * outputs;

    [TestMethod]
    public void Columns_that_are_not_trained_keep_their_bits()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        var indices = adapter.named_parameters().Single(p => p.name == "paca_indices").parameter.data<long>().ToArray();
        var merged = adapter.Materialize(layer.Weight.Dense());

        Assert.AreEqual(3, indices.Distinct().Count());
        for (var column = 0; column < 6; column++)
        {
            var same = layer.Weight.Dense().select(1, column).contiguous().bytes.SequenceEqual(merged.select(1, column).contiguous().bytes);
            Assert.AreEqual(!indices.Contains(column), same, $"column {column}");
        }
    }

    [TestMethod]
    public void The_columns_can_be_chosen_by_their_norm()
    {
        var layer = Layer();
        var norms = layer.Weight.Dense().square().sum([0L]).data<float>().ToArray();
        foreach (var selection in (PacaSelection[])[PacaSelection.LargestNorm, PacaSelection.SmallestNorm])
        {
            var part = MethodCase.Parts(new PacaOptions { Rank = 1, Selection = selection }, layer).Single();
            var chosen = (int)part.named_parameters().Single(p => p.name == "paca_indices").parameter.item<long>();
            Assert.AreEqual(selection == PacaSelection.LargestNorm ? norms.Max() : norms.Min(), norms[chosen]);
        }
    }

    [TestMethod]
    public void The_backward_pass_keeps_nothing_of_the_input_but_the_chosen_columns()
    {
        foreach (var written in (bool[])[false, true])
        {
            var (expected, actual) = (Gradients(false), Gradients(true));
            AssertClose(expected.Input, actual.Input);
            AssertClose(expected.Columns, actual.Columns);

            (Tensor Input, Tensor Columns) Gradients(bool overwritten)
            {
                random.manual_seed(7);
                var adapter = (Paca)MethodCase.Parts(Options, Layer()).Single();
                if (written)
                {
                    adapter.Begin();
                }

                var x = Input().requires_grad_();
                var given = x * 1; // a tensor that is no leaf
                var y = adapter.call(given);
                if (overwritten)
                {
                    using var _ = no_grad();
                    given.fill_(double.NaN); // whoever has kept it fails or gives NaN
                }

                (y * randn(2, 3, 4)).sum().backward();
                return (x.grad!, Parameter(adapter, "paca_P").grad!);
            }
        }
    }

    [TestMethod]
    public void Written_through_it_computes_the_same_and_the_base_comes_back_to_the_last_bit()
    {
        var (options, layer, x, target) = (new PacaOptions { Rank = 3, Alpha = 6, WritesThrough = true }, Layer(), Input(), randn(2, 3, 4));
        var (beside, written) = ((Paca)MethodCase.Parts(options, Layer()).Single(), (Paca)MethodCase.Parts(options, layer).Single());
        var before = layer.Weight.Dense().clone();
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
                AssertClose(beside.call(x), written.call(x));
                AssertClose(beside.Materialize(before), layer.Weight.Dense());
                AssertClose(beside.call(x), Base(layer, x)); // a plain product
            }

            Assert.IsFalse(set.ChangesNothing());
        }

        Assert.IsTrue(before.bytes.SequenceEqual(layer.Weight.Dense().bytes));
        AssertClose(beside.call(x), written.call(x));

        void Step(optim.Optimizer optimizer, Paca adapter)
        {
            optimizer.zero_grad();
            (adapter.call(x) - target).square().mean().backward();
            optimizer.step();
        }
    }

    [TestMethod]
    public void Written_through_it_trains_alone_and_on_weights_of_its_own()
    {
        var (layer, options) = (Layer(), new PacaOptions { Rank = 3, WritesThrough = true });
        var paca = (Paca)MethodCase.Parts(options, layer).Single();
        var lora = (Lora)MethodCase.Parts(new LoraOptions(), layer).Single();
        paca.Begin();
        using var context = ForwardContext.Predicting();
        var bias = new TrainedBias(layer, "bias");
        var x = Input();
        AssertClose(Base(layer, x), new LayerCall(layer, [bias, paca], context).Forward(x));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => new LayerCall(layer, [lora, paca], context).Forward(x)).Message, "where another adapter acts too");
        paca.End();
        var table = new EmbeddingLayer("words", 0, randn(4, 6));
        var tied = (Paca)MethodCase.Parts(options, new LinearLayer("head", 1, new TiedWeight(table), null)).Single();
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(tied.Begin).Message, "shares its weight");
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void The_start_has_the_bits_of_the_base(bool biased)
    {
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(randn(4, 6)), biased ? randn(4) : null);
        var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 3, Alpha = 6 }, layer).Single(); // s is a power of two
        foreach (var x in (Tensor[])[randn(5, 6), Input()])
        {
            Assert.IsTrue(Base(layer, x).bytes.SequenceEqual(adapter.call(x).bytes));
        }
    }

    [TestMethod]
    public void Columns_of_a_weight_that_is_stored_transposed_are_written_through_too()
    {
        var stored = randn(6, 4); // (in, out), as GPT-2 has it
        var (before, layer) = (stored.clone(), new LinearLayer("c_attn", 0, new InOutWeight(stored), null));
        var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 2, WritesThrough = true }, layer).Single();
        Randomize(adapter);
        var (x, expected) = (Input(), adapter.Materialize(before.t()));
        adapter.Begin();
        AssertClose(expected.t(), stored);
        AssertClose(nn.functional.linear(x, expected), adapter.call(x));
        adapter.End();
        Assert.IsTrue(before.bytes.SequenceEqual(stored.bytes));
    }

    [TestMethod]
    [DataRow(6)]
    [DataRow(-1)]
    [DataRow(0)] // twice
    public void Columns_of_a_file_that_are_none_are_refused(int column)
    {
        var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 2 }, Layer()).Single();
        using var _ = no_grad();
        Parameter(adapter, "paca_indices").copy_(tensor(new[] { 0L, column }));
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(adapter.Loaded).Message, "must be different columns from 0 to 5");
    }

    // With s·c the columns move as far as with s if the rate is divided by c².
    [TestMethod]
    public void The_scale_is_a_factor_of_the_learning_rate()
    {
        var (x, target) = (Input(), randn(2, 3, 4));
        AssertClose(Trained(6, 0.1, adam: false), Trained(12, 0.1 / 4, adam: false));
        AssertClose(Trained(6, 0.1, adam: true), Trained(12, 0.1 / 2, adam: true)); // Adam's steps are as long whatever the gradient is

        Tensor Trained(double alpha, double rate, bool adam)
        {
            var layer = Layer();
            var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 3, Alpha = alpha }, layer).Single();
            TorchSharp.Modules.Parameter[] parameters = [Parameter(adapter, "paca_P")];
            using optim.Optimizer optimizer = adam ? optim.Adam(parameters, rate, eps: 1e-20) : optim.SGD(parameters, rate);
            for (var step = 0; step < 5; step++)
            {
                optimizer.zero_grad();
                (adapter.call(x) - target).square().mean().backward();
                optimizer.step();
            }

            return adapter.Materialize(layer.Weight.Dense());
        }
    }

    [TestMethod]
    public void Decay_pulls_the_columns_to_those_of_the_base()
    {
        var options = new PacaOptions { Rank = 3, Alpha = 6, ChangeDecay = 0.5 };
        var layer = Layer();
        var adapter = (Paca)MethodCase.Parts(options, layer).Single();
        Randomize(adapter);
        var change = adapter.Materialize(layer.Weight.Dense()) - layer.Weight.Dense();
        using var set = AdapterSet.Of("x", options, [adapter], 1);
        using var training = ((AdapterOptions)options).CreateTraining(set)!;
        training.AfterStep(new(0, 1, 0.1));

        AssertClose(change * 0.95, adapter.Materialize(layer.Weight.Dense()) - layer.Weight.Dense());
        Assert.IsTrue(set.TrainedParameters().All(p => !p.Group.Decays));
        using var lora = AdapterConversion.ToLora(set);
        AssertClose(adapter.call(Input() * 0 + 1), ((Lora)lora.Adapters.Single()).call(Input() * 0 + 1));
    }

    [TestMethod]
    [DataRow(null, ScalarType.BFloat16)]
    [DataRow(ScalarType.Float32, ScalarType.Float32)]
    [DataRow(ScalarType.Float16, ScalarType.Float16)]
    public void Columns_count_in_the_type_of_the_base_or_the_one_that_is_asked_for(ScalarType? asked, ScalarType expected)
    {
        var options = (PacaOptions)AdapterOptions.FromJson(new PacaOptions { Rank = 3, Alpha = 6, ParamType = asked }.ToJson(), "test");
        using var set = Set(out var layer);
        var adapter = (Paca)set.Adapters.Single();
        var x = Input().to(ScalarType.BFloat16);
        AssertClose(Base(layer, x), adapter.call(x)); // s is 2: the bits of the base
        var columns = Parameter(adapter, "paca_P");
        Assert.AreEqual(ScalarType.Float32, columns.dtype); // the optimizer's
        Randomize(adapter);
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "base");
        using (var file = SafetensorsReader.Open(Path.Combine(folder.Path, "adapter_model.safetensors")))
        {
            Assert.AreEqual(expected, file.Read("base_model.model.block.0.query.paca_P").dtype);
        }

        using var loaded = Set(out _);
        AdapterCheckpoint.ReadTensors(loaded, folder.Path);
        Assert.IsTrue(adapter.call(x).bytes.SequenceEqual(((Paca)loaded.Adapters.Single()).call(x).bytes));
        var merged = adapter.Materialize(layer.Weight.Dense()).index_select(1, Parameter(adapter, "paca_indices"));
        AssertClose(columns.to(expected).mul(2).to(ScalarType.BFloat16), merged);

        AdapterSet Set(out LinearLayer on)
        {
            on = Layer(ScalarType.BFloat16);
            return AdapterSet.Of("x", options, MethodCase.Parts(options, on), 1);
        }
    }

    [TestMethod]
    public void Counts_are_those_of_the_paper()
    {
        Assert.AreEqual(10_878_976, 32 * Layer7(8, 4096, 4096, 11_008)); // LLaMA2-7B
        Assert.AreEqual(21_757_952, 32 * Layer7(16, 4096, 4096, 11_008));
        Assert.AreEqual(11_010_048, 32 * Layer7(8, 4096, 1024, 14_336)); // LLaMA3-8B
        Assert.AreEqual(88_080_384, 32 * Layer7(64, 4096, 1024, 14_336));

        static long Layer7(long rank, long hidden, long keys, long inner) => rank * ((3 * hidden) + (2 * keys) + (2 * inner)); // the contract pins r·out a layer
    }
}
