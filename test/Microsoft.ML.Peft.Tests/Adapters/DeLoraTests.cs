using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class DeLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DeLoraOptions { Rank = 2, Strength = 3 };

    protected override long TrainedNumbers(long inputs, long outputs) => Count(2, inputs, outputs);

    [TestMethod]
    public void Each_term_has_the_length_of_the_strength_over_the_rank()
    {
        var layer = Layer();
        var adapter = (DeLora)Wrap(layer);
        Randomize(adapter);
        Fill(adapter, "delora_lambda", 3);
        var lengths = layer.Weight.Dense().norm(0);
        AssertClose(lengths, Parameter(adapter, "delora_w_norm"));

        using (no_grad())
        {
            Parameter(adapter, "delora_B").select(1, 1).zero_(); // one term is left
        }

        AssertClose(tensor(1.5f), adapter.Delta().div(lengths).norm());
    }

    [TestMethod]
    public void The_length_of_the_update_is_at_most_the_strength()
    {
        var layer = Layer();
        var adapter = (DeLora)Wrap(layer);
        Randomize(adapter);
        Fill(adapter, "delora_lambda", 3);

        Assert.IsLessThanOrEqualTo(3.0001f, adapter.Delta().div(layer.Weight.Dense().norm(0)).norm().item<float>());
    }

    [TestMethod]
    public void Counts_are_those_of_HF_PEFT() // Llama-3.2-3B: 28 layers, q 3072 → 3072 and v 3072 → 1024
        => Assert.AreEqual(9_175_096, 28 * (Count(32, 3072, 3072) + Count(32, 3072, 1024)));

    [TestMethod]
    public void Patterns_choose_rank_and_strength_of_a_layer()
    {
        using var initialization = new Initialization(0);
        var options = new DeLoraOptions
        {
            RankPattern = new Dictionary<string, int> { ["query"] = 3 },
            StrengthPattern = new Dictionary<string, double> { ["query"] = 7 },
        };
        var adapter = new DeLora(Layer(), options, new AdapterBuild([], initialization));

        CollectionAssert.AreEqual(new long[] { 3, 6 }, Parameter(adapter, "delora_A").shape);
        Assert.AreEqual(7f, Parameter(adapter, "delora_lambda").item<float>());
    }

    private static long Count(long rank, long inputs, long outputs) => (rank * (inputs + outputs)) + 1;
}
