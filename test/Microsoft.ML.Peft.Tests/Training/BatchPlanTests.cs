using Microsoft.ML.Peft.Training;

namespace Microsoft.ML.Peft.Tests.Training;

/// <summary>The order of rows.</summary>
[TestClass]
public sealed class BatchPlanTests
{
    private static readonly int[] s_lengths = [.. Enumerable.Range(0, 1003).Select(k => 3 + ((k * 7919) % 40))];

    [TestMethod]
    public void Every_row_is_there_once()
    {
        var batches = new BatchPlan(s_lengths, 32, seed: 5).Epoch(1);

        CollectionAssert.AreEqual(Enumerable.Range(0, 1003).ToArray(), batches.SelectMany(b => b).Order().ToArray());
        Assert.HasCount(32, batches);
    }

    [TestMethod]
    public void Seed_and_epoch_decide_the_order()
    {
        Assert.IsTrue(Flat(5, 0).SequenceEqual(Flat(5, 0)));
        Assert.IsFalse(Flat(5, 0).SequenceEqual(Flat(5, 1)));
        Assert.IsFalse(Flat(5, 0).SequenceEqual(Flat(6, 0)));

        static IEnumerable<int> Flat(int seed, int epoch) => new BatchPlan(s_lengths, 32, seed).Epoch(epoch).SelectMany(b => b);
    }

    [TestMethod]
    public void Rows_of_a_batch_are_of_about_one_length()
    {
        var padded = new BatchPlan(s_lengths, 32, seed: 5).Epoch(0).Sum(b => b.Length * b.Max(k => s_lengths[k]));

        Assert.IsLessThan(1.1, (double)padded / s_lengths.Sum());
    }
}
