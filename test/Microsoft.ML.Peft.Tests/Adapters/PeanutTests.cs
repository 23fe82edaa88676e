using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

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

    [TestMethod]
    public void Counts_are_those_of_the_paper_and_of_HF_PEFT()
    {
        Assert.AreEqual(258_048, 24 * Count(7, 0, 768)); // ViT-B/16, query and value
        Assert.AreEqual(262_752, 24 * Count(7, 2, 768));
        Assert.AreEqual(294_912, 24 * Count(8, 0, 768)); // RoBERTa-base
        Assert.AreEqual(24_576, 2 * 8 * Count(1, 0, 768)); // its small one, on blocks 4 to 11
        Assert.AreEqual(229_376, 28 * (Count(1, 0, 3072) + Count(1, 0, 1024)));
        Assert.AreEqual(7_340_032, 28 * (Count(32, 0, 3072) + Count(32, 0, 1024))); // Llama-3.2-3B, q and v
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
    public void The_first_gradient_reaches_B_alone_and_that_of_A_is_the_slope()
    {
        var adapter = (Peanut)Wrap(Layer());
        var x = Input();
        adapter.call(x).sum().backward();
        foreach (var (name, parameter) in adapter.named_parameters())
        {
            Assert.AreEqual(name == "peanut_B", parameter.grad!.count_nonzero().item<long>() > 0, name);
        }

        Randomize(adapter);
        adapter.zero_grad();
        adapter.call(x).sum().backward();
        using var _ = no_grad();
        var a = Parameter(adapter, "peanut_A");
        const double Step = 1e-2;
        a[0, 1].add_(Step);
        var up = adapter.call(x).sum().item<float>();
        a[0, 1].sub_(2 * Step);
        Assert.AreEqual((up - adapter.call(x).sum().item<float>()) / (2 * Step), a.grad![0, 1].item<float>(), 0.01 * Math.Max(1, Math.Abs(a.grad[0, 1].item<float>())));
    }

    [TestMethod]
    [DataRow(PeanutSide.Output)]
    [DataRow(PeanutSide.Input)]
    public void A_base_in_half_precision_is_read_in_full_and_no_copy_of_it_is_kept(PeanutSide side)
    {
        var options = new PeanutOptions { Rank = 3, Depth = 1, Side = side, Function = "tanh" };
        var half = Layer(ScalarType.BFloat16);
        var whole = new LinearLayer("block.0.query", 0, new DenseWeight(half.Weight.Dense().to(ScalarType.Float32)), half.Bias!.to(ScalarType.Float32));
        var gradients = new[] { half, whole }.Select(layer =>
        {
            random.manual_seed(2);
            var part = (Peanut)MethodCase.Parts(options, layer).Single();
            Randomize(part);
            part.Delta().square().sum().backward();
            return part.parameters().Select(p => p.grad!).ToArray();
        }).ToArray();
        foreach (var (expected, actual) in gradients[1].Zip(gradients[0]))
        {
            AssertClose(expected, actual);
        }
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
    public void An_unknown_function_is_refused()
        => StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => new PeanutOptions { Function = "bend" }.Validate()).Message, "'bend'");

    private static long Count(long rank, long depth, long outputs) => (2 * rank * outputs) + (2 * depth * rank * rank);
}

[TestClass]
public sealed class PeanutOverInputsTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PeanutOptions { Rank = 3, Depth = 1, Side = PeanutSide.Input };

    protected override double Deviation => 0.5;

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * 3 * inputs) + (2 * 9);
}
