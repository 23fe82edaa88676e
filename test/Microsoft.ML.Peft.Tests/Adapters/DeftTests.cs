using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class DeftTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DeftOptions { Rank = 2, Alpha = 6 };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void The_weight_is_that_of_the_formula()
    {
        var layer = Layer();
        var adapter = (Deft)Wrap(layer);
        Randomize(adapter);
        var (w, p, r) = (layer.Weight.Dense(), Parameter(adapter, "deft_P"), Parameter(adapter, "deft_R"));

        AssertClose((eye(4) - p.mm(p.clamp_min(0).t())).mm(w) + p.mm(r) * 3, adapter.Materialize(w));
    }

    [TestMethod]
    public void More_rank_than_outputs_is_all_of_them()
    {
        using var initialization = new Initialization(0);
        var adapter = new Deft(Layer(), new() { Rank = 8 }, new AdapterBuild([], initialization));

        CollectionAssert.AreEqual(new long[] { 4, 4 }, Parameter(adapter, "deft_P").shape);
    }
}

[TestClass]
public sealed class DeftQrTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DeftOptions { Rank = 2, Projection = DeftProjection.Qr };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);
}

[TestClass]
public sealed class ParaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DeftOptions { Rank = 2, Projection = DeftProjection.Qr, RemovesOnly = true };

    protected override bool StartsAsIdentity => false;

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * outputs;

    [TestMethod]
    public void The_subspace_is_gone()
    {
        var layer = Layer();
        var adapter = (Deft)Wrap(layer);

        AssertClose(zeros(2, 6), Parameter(adapter, "deft_P").div(0.02).t().mm(adapter.Materialize(layer.Weight.Dense())));
    }
}
