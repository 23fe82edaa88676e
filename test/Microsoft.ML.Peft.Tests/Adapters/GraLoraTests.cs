using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class GraLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new GraLoraOptions { Rank = 4, Alpha = 8, HybridRank = 1 };

    protected override long TrainedNumbers(long inputs, long outputs) => (4 + 1) * (inputs + outputs);

    [TestMethod]
    public void Each_block_is_a_product_of_its_own()
    {
        using var initialization = new Initialization(0);
        var adapter = new GraLora(Layer(), new() { Rank = 4, Alpha = 8 }, new AdapterBuild([], initialization));
        Randomize(adapter);
        var (a, b, delta) = (Parameter(adapter, "gralora_A"), Parameter(adapter, "gralora_B"), adapter.Delta());

        for (var j = 0; j < 2; j++)
        {
            for (var n = 0; n < 2; n++)
            {
                var up = b[j].narrow(0, 2 * n, 2); // (2, 2): the rows that take what inputs n send
                var down = a[n].narrow(1, 2 * j, 2); // (3, 2): the columns that send to outputs j
                AssertClose(down.mm(up).t() * 2, delta.narrow(0, 2 * j, 2).narrow(1, 3 * n, 3));
            }
        }
    }

    [TestMethod]
    [DataRow(3, 2, "Rank is 3 and Blocks is 2")]
    [DataRow(0, 2, "Rank is 0; it must be")]
    public void Settings_outside_their_range_are_refused(int rank, int blocks, string sentence)
        => StringAssert.StartsWith(Assert.Throws<ArgumentException>(() => new GraLoraOptions { Rank = rank, Blocks = blocks }.Validate()).Message, sentence);

    [TestMethod]
    public void Blocks_that_do_not_divide_are_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<ArgumentException>(
            () => new GraLora(Layer(), new() { Rank = 3, Blocks = 3 }, new AdapterBuild([], initialization)));

        StringAssert.StartsWith(error.Message, "Blocks is 3; it must divide both the 6 inputs and the 4 outputs of 'block.0.query'.");
    }
}
