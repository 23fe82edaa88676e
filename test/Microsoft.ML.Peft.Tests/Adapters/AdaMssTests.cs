using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class AdaMssTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new AdaMssOptions { Rank = 3, Subspaces = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * 3) + outputs; // two groups of rank 1

    [TestMethod]
    public void Each_group_of_outputs_has_a_product_of_its_own()
    {
        var layer = Layer();
        var adapter = (AdaMss)Wrap(layer);
        Randomize(adapter);
        var (subspace, delta) = (Parameter(adapter, "adamss_newB"), adapter.Delta());
        var whole = cat([layer.Weight.Dense(), layer.Bias!.unsqueeze(1)], 1);
        var groups = RowClusters.Of(LowRankSvd.Of(whole, 3, 2, 0).U, 2, 10, 123456789);

        CollectionAssert.AreEquivalent(new long[] { 0, 1, 2, 3 }, groups.SelectMany(g => g).ToArray());
        for (var g = 0; g < 2; g++)
        {
            var expected = Parameter(adapter, $"adamss_B-{g}").mm(Parameter(adapter, $"adamss_A-{g}")).mm(subspace);
            AssertClose(expected.narrow(1, 0, 6), delta.index_select(0, tensor(groups[g])));
            AssertClose(expected.select(1, 6), (adapter.MaterializeBias(layer.Bias)! - layer.Bias!).index_select(0, tensor(groups[g])));
        }
    }

    [TestMethod]
    public void Clusters_are_the_alike_rows()
    {
        var groups = RowClusters.Of(tensor(new float[] { 0, 0, 9, 9, 0, 1, 9, 8, 1, 0 }).view(5, 2), 2, 10, 1);

        CollectionAssert.AreEquivalent(new[] { "0, 2, 4", "1, 3" }, groups.Select(g => string.Join(", ", g)).ToArray());
    }

    [TestMethod]
    public void The_random_stream_is_that_of_NumPy()
    {
        var stream = new NumpyRandomState(42);

        foreach (var expected in new[] { 0.37454012, 0.95071431, 0.73199394 }) // RandomState(42).rand(3), as NumPy prints it
        {
            Assert.AreEqual(expected, stream.Uniform(), 5e-9);
        }
    }

    [TestMethod]
    public void The_least_important_groups_stop_being_trained()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "adamss"));
        var options = ((AdaMssOptions)golden.Adapter!.Options!) with { Allocates = true, FirstStep = 0, LastStep = 4, Interval = 2, TargetSubspaces = 5 };
        using var training = options.CreateTraining(golden.Adapter)!;
        Assert.AreEqual(12, Trained());

        var counts = new List<int>();
        for (var step = 0; step < 6; step++)
        {
            using var context = ForwardContext.Predicting(golden.Adapter);
            golden.Loss(context).backward();
            training.AfterStep(new(step, 6, 1e-3));
            counts.Add(Trained());
        }

        CollectionAssert.AreEqual(new[] { 12, 12, 5, 5, 5, 5 }, counts); // 5 + 7·(1/2)³ is 5; then 5

        int Trained() => golden.Adapter!.Adapters.OfType<AdaMss>().SelectMany(a => a.Groups).Count(g => g.A.requires_grad && g.B.requires_grad);
    }

    [TestMethod]
    public void Settings_outside_their_range_are_refused()
    {
        StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new AdaMssOptions { Subspaces = 0 }.Validate()).Message, "Subspaces is 0");
        StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new AdaMssOptions { LastStep = 50 }.Validate()).Message, "LastStep is 50");
    }
}
