using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class ShiraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new ShiraOptions { Rank = 2, Seed = 1 };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void The_values_stand_at_their_indices_and_nowhere_else()
    {
        var adapter = (Shira)Wrap(Layer());
        Randomize(adapter);
        var (values, indices) = (Parameter(adapter, "shira_weight"), Parameter(adapter, "shira_indices"));
        var delta = adapter.Delta();

        Assert.AreEqual(20, delta.ne(0).sum().item<long>());
        for (var k = 0; k < 20; k++)
        {
            AssertClose(values[k], delta[indices[0, k].item<int>(), indices[1, k].item<int>()]);
        }
    }

    [TestMethod]
    [DataRow(1, DisplayName = "entry by entry")]
    [DataRow(9, DisplayName = "as a matrix")]
    public void Few_rows_and_many_go_different_ways_to_the_same_output(int rows)
    {
        var layer = Layer();
        var adapter = (Shira)Wrap(layer);
        Randomize(adapter);
        var x = randn(rows, 6);

        AssertClose(Base(layer, x) + nn.functional.linear(x, adapter.Delta()), adapter.call(x));
    }

    [TestMethod]
    public void A_rank_that_asks_for_too_much_is_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => new Shira(Layer(), new() { Rank = 3 }, new AdapterBuild([], initialization)));

        StringAssert.StartsWith(error.Message, "Rank is 3, which asks for 30 numbers of 'block.0.query'; it has 24.");
    }

    [TestMethod]
    public void An_index_outside_the_weight_is_refused()
    {
        var adapter = (Shira)Wrap(Layer());
        using (no_grad())
        {
            Parameter(adapter, "shira_indices")[0, 0] = 4;
        }

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(adapter.Loaded).Message, "outside the weight of 4 rows and 6 columns");
    }
}
