using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class BoftTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new BoftOptions { BlockSize = 2, Factors = 3 };

    protected override (long Inputs, long Outputs) Size => (8, 4);

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(3, 2, inputs, outputs);

    [TestMethod]
    public void Even_chunks_come_before_odd_ones()
    {
        CollectionAssert.AreEqual(new long[] { 0, 2, 1, 3, 4, 6, 5, 7 }, Boft.Order(8, 4, 1));
        CollectionAssert.AreEqual(new long[] { 0, 1, 4, 5, 2, 3, 6, 7 }, Boft.Order(8, 8, 2));
    }

    [TestMethod]
    public void The_product_is_that_of_dense_matrices()
    {
        var layer = Layer();
        var adapter = (Boft)Wrap(layer);
        Randomize(adapter);
        var (r, s) = (Parameter(adapter, "boft_R"), Parameter(adapter, "boft_s"));
        var total = eye(8);
        for (var i = 0; i < 3; i++)
        {
            var skew = (r[i] - r[i].transpose(1, 2)) / 2;
            var blocks = (eye(2) - skew).matmul(linalg.inv(eye(2) + skew));
            var p = zeros(8, 8);
            var order = Boft.Order(8, 2 << i, 1);
            for (var k = 0; k < 8; k++)
            {
                p[k, order[k]] = 1;
            }

            total = p.mm(block_diag(blocks[0], blocks[1], blocks[2], blocks[3])).mm(p.t()).mm(total);
        }

        AssertClose(eye(8), total.mm(total.t()));
        AssertClose(s * layer.FrozenWeight.mm(total.t()), adapter.Materialize(layer.FrozenWeight));
        var x = Input();
        AssertClose(nn.functional.linear(x.matmul(total), s * layer.FrozenWeight, layer.Bias), adapter.call(x));
    }

    [TestMethod]
    public void A_file_with_one_factor_is_read_as_such()
    {
        var adapter = (Boft)Wrap(Layer());
        adapter.Expect(new Dictionary<string, long[]> { ["boft_R"] = [1, 4, 2, 2] });

        CollectionAssert.AreEqual(new long[] { 1, 4, 2, 2 }, Parameter(adapter, "boft_R").shape);
        Randomize(adapter);
        Assert.AreEqual(4, adapter.call(Input()).size(2));
    }

    [TestMethod]
    public void Every_input_reaches_every_other_one_with_enough_factors()
    {
        var adapter = (Boft)Wrap(Layer());
        Randomize(adapter);

        Assert.AreEqual(64, adapter.Materialize(eye(8, 8).narrow(0, 0, 4)).ne(0).sum().item<long>() * 2); // 4 rows of the 8
    }

    [TestMethod]
    [DataRow(3, 1, "blocks of 3 do not divide")]
    [DataRow(4, 3, "3 factors need")]
    public void Blocks_that_do_not_fit_are_refused(int size, int factors, string sentence)
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<PeftException>(
            () => new Boft(Layer(), new() { BlockSize = size, Factors = factors }, new AdapterBuild([], initialization)));

        StringAssert.Contains(error.Message, sentence);
    }

    [TestMethod]
    public void Dropout_leaves_blocks_as_they_are_in_training_only()
    {
        using var initialization = new Initialization(0);
        using var adapter = new Boft(Layer(), new() { BlockSize = 2, Dropout = 0.9 }, new AdapterBuild([], initialization));
        Randomize(adapter);
        var x = Input();
        adapter.eval();
        AssertClose(adapter.call(x), adapter.call(x));
        adapter.train();
        Assert.IsFalse(Enumerable.Range(0, 8).All(_ => adapter.call(x).allclose(adapter.call(x))));
    }

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(802_816, 28 * (Count(1, 4, 3072, 3072) + Count(1, 4, 3072, 1024)));

    private static long Count(long factors, long block, long inputs, long outputs) => (factors * inputs * block) + outputs;
}
