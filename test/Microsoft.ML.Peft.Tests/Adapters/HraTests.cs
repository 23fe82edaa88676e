using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class HraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new HraOptions { Rank = 4 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => 4 * inputs;

    [TestMethod]
    public void The_weight_is_reflected_one_plane_after_the_other()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        var (u, expected) = (Parameter(adapter, "hra_u"), layer.FrozenWeight);
        for (var k = 0; k < 4; k++)
        {
            var column = u[.., k].unsqueeze(1);
            expected = expected.mm(eye(6) - (2 * column.mm(column.t()) / column.pow(2).sum()));
        }

        AssertClose(expected, adapter.Materialize(layer.FrozenWeight));
    }

    [TestMethod]
    public void Orthogonal_planes_are_those_of_Gram_and_Schmidt()
    {
        using var initialization = new Initialization(0);
        var layer = Layer();
        using var adapter = new Hra(layer, new() { Rank = 3, Orthogonalizes = true }, new AdapterBuild([], initialization));
        Randomize(adapter);
        var u = Parameter(adapter, "hra_u");
        var columns = new List<Tensor>();
        for (var k = 0; k < 3; k++)
        {
            var column = u[.., k];
            foreach (var before in columns)
            {
                column = column - (before.dot(column) * before);
            }

            columns.Add(column / column.norm());
        }

        var planes = stack(columns, 1);
        AssertClose(layer.FrozenWeight.mm(eye(6) - (2 * planes.mm(planes.t()))), adapter.Materialize(layer.FrozenWeight));
        adapter.call(Input()).sum().backward();
        Assert.IsTrue(u.grad!.isfinite().all().item<bool>());
    }

    [TestMethod]
    [DataRow(3, true)]
    [DataRow(4, false)]
    public void Odd_ranks_and_random_starts_are_not_the_identity(int rank, bool pairs)
    {
        using var initialization = new Initialization(0);
        var layer = Layer();
        using var adapter = new Hra(layer, new() { Rank = rank, Pairs = pairs }, new AdapterBuild([], initialization));

        Assert.IsFalse(layer.FrozenWeight.allclose(adapter.Materialize(layer.FrozenWeight)));
    }

    [TestMethod]
    public void More_orthogonal_planes_than_inputs_are_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<PeftException>(
            () => new Hra(Layer(), new() { Rank = 7, Orthogonalizes = true }, new AdapterBuild([], initialization)));

        StringAssert.StartsWith(error.Message, "Rank is 7 and 'block.0.query' has 6 inputs");
    }

    [TestMethod]
    public void A_rank_below_1_is_refused() => Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new HraOptions { Rank = 0 }.Validate());
}
