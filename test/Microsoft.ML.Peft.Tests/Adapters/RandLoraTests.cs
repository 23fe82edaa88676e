using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What RandLoRA owes on one layer.</summary>
[TestClass]
public sealed class RandLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new RandLoraOptions { Rank = 2, Alpha = 2 };

    protected override double Deviation => 0.3; // the shared numbers have deviation 1, and a product sums many of them

    protected override long TrainedNumbers(long inputs, long outputs) => Count(2, inputs, outputs);

    [TestMethod]
    [DataRow(20, 20)]
    [DataRow(100, 20)]
    [DataRow(10, 31)] // 4 does not divide 10
    public void The_update_has_full_rank(int inputs, int outputs)
    {
        using var initialization = new Initialization(0);
        var adapter = (RandLora)new RandLoraOptions { Rank = 4 }.CreateParts(new AdapterBuild([Layer(inputs, outputs)], initialization)).Last();
        Randomize(adapter);

        Assert.AreEqual(Math.Min(inputs, outputs), linalg.matrix_rank(adapter.Delta()).item<long>());
    }

    [TestMethod]
    public void The_first_gradient_reaches_lambda_and_is_zero_for_gamma()
    {
        var adapter = Wrap(Layer());
        adapter.call(Input()).sum().backward();

        Assert.AreEqual(0, Parameter(adapter, "randlora_gamma").grad!.count_nonzero().item<long>());
        Assert.IsGreaterThan(0, Parameter(adapter, "randlora_lambda").grad!.count_nonzero().item<long>());
        Assert.IsFalse(Parameter(adapter, "randlora_A").requires_grad);
    }

    // Weights that are one number, so that a large layer costs its shared matrices alone.
    [TestMethod]
    public void Published_counts_are_met_and_a_smaller_rank_trains_more()
    {
        Assert.AreEqual(9_289_728, 28 * Trained(32, (3072, 3072), (3072, 1024))); // Llama-3.2-3B, q and v
        Assert.AreEqual(718_848, 72 * Trained(64, (768, 768))); // RoBERTa-base, six matrices of twelve blocks
        Assert.AreEqual((297_984, 33_792), (Trained(32, (3072, 3072)), Trained(32, (3072, 1024))));
        Assert.IsGreaterThan(Trained(32, (768, 768)), Trained(16, (768, 768)));

        static long Trained(int rank, params (long Inputs, long Outputs)[] sizes)
        {
            var layers = sizes.Select((size, k) => new LinearLayer($"layers.{k}", k, new DenseWeight(zeros(1, 1).expand(size.Outputs, size.Inputs)), null)).ToArray();
            return MethodCase.Parts(new RandLoraOptions { Rank = rank }, layers).SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel());
        }
    }

    [TestMethod]
    public void It_starts_as_the_base_layer_to_the_last_bit()
    {
        var (layer, x) = (Layer(), Input());
        Assert.IsTrue(Base(layer, x).bytes.SequenceEqual(Wrap(layer).call(x).bytes));
    }

    [TestMethod]
    [DataRow(6, 6)]
    [DataRow(9, 4)]
    [DataRow(4, 9)]
    public void The_thin_form_is_the_update(int inputs, int outputs)
    {
        var (layer, x) = (Layer(inputs, outputs), randn(3, inputs));
        var adapter = (RandLora)MethodCase.Parts(Options, layer).OfType<RandLora>().Single();
        Randomize(adapter);
        using var _ = no_grad();

        AssertClose(Base(layer, x) + nn.functional.linear(x, adapter.Delta()), adapter.call(x));
    }

    // HF PEFT makes such adapters, so that their files are read.
    [TestMethod]
    public void A_rank_above_the_smaller_side_is_refused_for_a_new_adapter_alone()
    {
        var options = new RandLoraOptions { Rank = 5 };
        MethodCase.Parts(options with { Rank = 4 }, Layer());
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => MethodCase.Parts(options, Layer())).Message, "r is 5 and 'block.0.query' (4 × 6) has the smaller side 4");

        var stored = (RandLora)MethodCase.Parts(options with { IsStored = true }, Layer()).OfType<RandLora>().Single();
        CollectionAssert.AreEqual(new long[] { 5, 1 }, Parameter(stored, "randlora_lambda").shape);
        Randomize(stored);
        var x = Input();
        AssertClose(Base(stored.Layer, x) + nn.functional.linear(x, stored.Delta()), stored.call(x));
    }

    private static long Count(long rank, long inputs, long outputs)
    {
        var bases = (Math.Min(inputs, outputs) + rank - 1) / rank;
        return (rank * bases) + (bases * Math.Min(inputs, outputs));
    }
}
