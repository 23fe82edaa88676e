using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What NEAT, or PEANuT, owes on one layer.</summary>
[TestClass]
public sealed class PeanutTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PeanutOptions { Rank = 3, Depth = 2, Function = "gelu" };

    protected override double Deviation => 0.5;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(3, 2, outputs);

    [TestMethod]
    public void Encoders_are_added_back_last_first()
    {
        var layer = new LinearLayer("query", 0, new DenseWeight(ones(2, 3)), null);
        using var initialization = new Initialization(0);
        var adapter = new Peanut(layer, new() { Rank = 2, Depth = 2 }, new AdapterBuild([layer], initialization));
        using (no_grad())
        {
            foreach (var (name, parameter) in adapter.named_parameters())
            {
                parameter.copy_(eye(2));
            }

            Parameter(adapter, "peanut_encoders-0").mul_(2);
            Parameter(adapter, "peanut_decoders-1").mul_(2);
        }

        AssertClose(full(2, 3, 9.0), adapter.Delta()); // H₀ = 1: H₁ = H₂ = 2, 2 + 2 = 4, 2·4 + 1 = 9; the other order gives 8
    }

    [TestMethod]
    public void Without_depth_it_is_the_bent_product()
    {
        var layer = Layer();
        using var initialization = new Initialization(0);
        var adapter = new Peanut(layer, new() { Rank = 3, Scaling = 2 }, new AdapterBuild([layer], initialization));
        Randomize(adapter);

        AssertClose(Parameter(adapter, "peanut_B").mm(Parameter(adapter, "peanut_A").mm(layer.Weight.Dense()).clamp_min(0)) * 2, adapter.Delta());
    }

    // Weights that are one number, so that a large layer costs what is trained alone.
    [TestMethod]
    public void Counts_are_those_of_the_paper_and_of_HF_PEFT()
    {
        Assert.AreEqual(258_048, 24 * Trained(7, 0, (768, 768))); // ViT-B/16, query and value
        Assert.AreEqual(262_752, 24 * Trained(7, 2, (768, 768)));
        Assert.AreEqual(294_912, 24 * Trained(8, 0, (768, 768))); // RoBERTa-base
        Assert.AreEqual(24_576, 2 * 8 * Trained(1, 0, (768, 768))); // its small one, on blocks 4 to 11
        Assert.AreEqual(229_376, 28 * Trained(1, 0, (3072, 3072), (3072, 1024)));
        Assert.AreEqual(7_340_032, 28 * Trained(32, 0, (3072, 3072), (3072, 1024))); // Llama-3.2-3B, q and v

        static long Trained(int rank, int depth, params (long Inputs, long Outputs)[] sizes)
        {
            var layers = sizes.Select((size, k) => new LinearLayer($"layers.{k}", k, new DenseWeight(zeros(1, 1).expand(size.Outputs, size.Inputs)), null)).ToArray();
            return MethodCase.Parts(new PeanutOptions { Rank = rank, Depth = depth }, layers).SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel());
        }
    }

    [TestMethod]
    [DataRow(0, 4, 9)]
    [DataRow(1, 9, 4)]
    [DataRow(2, 5, 5)]
    public void The_thin_form_is_the_update_and_is_a_LoRA(int depth, int inputs, int outputs)
    {
        var (layer, x) = (Layer(inputs, outputs), randn(3, inputs));
        var options = new PeanutOptions { Rank = 3, Depth = depth, Scaling = 2 };
        var thin = (Peanut)MethodCase.Parts(options, layer).Single();
        Randomize(thin);
        using var _ = no_grad();

        AssertClose(Base(layer, x) + nn.functional.linear(x, thin.Delta()), thin.call(x));
        using var set = AdapterSet.Of("x", options, [thin], 1);
        using var lora = AdapterConversion.ToLora(set);
        AssertClose(thin.call(x), ((Lora)lora.Adapters.Single()).call(x));
        Assert.AreEqual(3, ((LoraOptions)lora.Options!).Rank);
    }

    [TestMethod]
    public void A_prediction_runs_the_network_once_and_the_next_one_anew()
    {
        var part = (Peanut)Wrap(Layer());
        var x = randn(3, 6);
        Randomize(part);
        using var _ = no_grad();
        using var open = ForwardContext.Predicting();
        for (var k = 0; k < 2; k++)
        {
            AssertClose(Base(part.Layer, x) + nn.functional.linear(x, part.Delta()), part.Forward(x, new LayerCall(part.Layer, [], open)));
        }

        CollectionAssert.AreEqual(new long[] { 6, 3 }, open.Once(part, "inner", ScalarType.Float32, () => throw new InvalidOperationException()).shape);
        Randomize(part);
        AssertClose(Base(part.Layer, x) + nn.functional.linear(x, part.Delta()), part.call(x));
    }

    [TestMethod]
    public void Files_call_the_inner_layers_by_their_number()
    {
        var part = Wrap(Layer());
        CollectionAssert.AreEquivalent(
            new[] { "peanut_A", "peanut_B", "peanut_encoders.0", "peanut_encoders.1", "peanut_decoders.0", "peanut_decoders.1" }.Select(n => $"base_model.model.block.0.query.{n}.weight").ToArray(),
            part.named_parameters().Select(p => part.FileKey("base_model.model.", p.name)).ToArray());
    }

    [TestMethod]
    public void Without_the_identity_start_it_changes_the_layer()
    {
        var adapter = (Peanut)MethodCase.Parts(new PeanutOptions { Rank = 3, IdentityStart = false }, Layer()).Single();
        var x = Input();
        Assert.IsFalse(Base(adapter.Layer, x).allclose(adapter.call(x)));
    }

    [TestMethod]
    public void What_is_out_of_range_is_refused()
    {
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => new PeanutOptions { Function = "bend" }.Validate()).Message, "'bend'");
        PeanutOptions[] wrong = [new() { Rank = 0 }, new() { Depth = -1 }, new() { Scaling = 0 }, new() { Scaling = double.NaN }];
        foreach (var options in wrong)
        {
            Assert.Throws<ArgumentException>(options.Validate);
        }
    }

    private static long Count(long rank, long depth, long outputs) => (2 * rank * outputs) + (2 * depth * rank * rank);
}

/// <summary>What it owes where its network is as wide as the inputs.</summary>
[TestClass]
public sealed class PeanutOverInputsTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PeanutOptions { Rank = 3, Depth = 1, Side = PeanutSide.Input };

    protected override double Deviation => 0.5;

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * 3 * inputs) + (2 * 9);
}
