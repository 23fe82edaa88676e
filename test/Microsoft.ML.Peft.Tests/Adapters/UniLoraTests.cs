using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class UniLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new UniLoraOptions { Rank = 2, VectorLength = 7 };

    protected override bool StartsAsIdentity => false;

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => 7;

    [TestMethod]
    public void Places_are_those_of_NumPy()
    {
        // rng = numpy.random.default_rng(3); data = concatenate([repeat(arange(6), 4), rng.choice(6, size=3, replace=False)]); rng.shuffle(data)
        CollectionAssert.AreEqual(
            new long[] { 1, 5, 0, 4, 4, 1, 3, 5, 2, 5, 0, 0, 5, 3, 2, 3, 2, 2, 4, 1, 0, 0, 3, 4, 3, 1, 1 },
            UniLoraOptions.Places(27, 6, 3));

        // numpy.random.default_rng(7): shuffle(arange(12)), and another one's choice(30, size=6, replace=False)
        var shuffled = Enumerable.Range(0, 12).Select(k => (long)k).ToArray();
        new NumpyRandom(7).Shuffle(shuffled);
        CollectionAssert.AreEqual(new long[] { 4, 6, 10, 0, 1, 3, 8, 7, 2, 5, 9, 11 }, shuffled);
        CollectionAssert.AreEqual(new long[] { 28, 18, 25, 23, 16, 29 }, new NumpyRandom(7).Choose(30, 6));
    }

    [TestMethod]
    public void Many_of_many_are_chosen_by_the_end_of_a_shuffle()
    {
        var chosen = new NumpyRandom(5).Choose(10_001, 5_000);

        Assert.HasCount(5_000, chosen.Distinct());
        CollectionAssert.AreEqual(s_numpyEnd, chosen[..6]);
    }

    // numpy.random.default_rng(5).choice(10001, size=5000, replace=False)[:6]
    private static readonly long[] s_numpyEnd = [7658, 2012, 3804, 6276, 4592, 7631];

    [TestMethod]
    public void The_projection_keeps_lengths()
    {
        var parts = Parts(Layer());
        var (theta, adapter) = ((SharedVector)parts[0], (UniLora)parts[1]);
        Randomize(theta);
        var factors = new[] { "A", "B" }.Select(f =>
        {
            var indices = Parameter(adapter, "unilora_indices_" + f);
            return theta.Values.index_select(0, indices.view(-1)).mul(Parameter(adapter, "unilora_scales_" + f).view(-1)).pow(2).sum();
        });

        AssertClose(theta.Values.pow(2).sum(), factors.Aggregate((a, b) => a + b));
    }

    [TestMethod]
    [DataRow("\"theta_d_length\": 0", "VectorLength is 0; it must be")]
    [DataRow("\"proj_seed\": -1", "Seed is -1; it must be")]
    public void Settings_outside_their_range_are_refused(string field, string sentence)
    {
        var error = Assert.Throws<Exception>(() => AdapterOptions.FromJson($"{{\"peft_type\": \"UNILORA\", {field}}}", "adapter_config.json"));

        StringAssert.Contains(error.Message, sentence);
    }
}
