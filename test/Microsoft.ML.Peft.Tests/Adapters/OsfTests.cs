using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class OsfTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new OsfOptions { FrozenRank = 3 };

    protected override double Tolerance => 2e-5;

    protected override long TrainedNumbers(long inputs, long outputs) => (Math.Min(inputs, outputs) - 3) * (inputs + outputs + 1);

    [TestMethod]
    public void Gradients_are_at_right_angles_to_what_is_frozen()
    {
        var adapter = (Osf)Wrap(Layer());
        Randomize(adapter);
        adapter.call(Input()).square().sum().backward();

        var (left, right) = (Parameter(adapter, "U_low").grad!, Parameter(adapter, "V_low").grad!);
        Assert.IsGreaterThan(0.1f, left.norm().item<float>());
        AssertClose(zeros(3, 1), Parameter(adapter, "U_high").t().mm(left) / left.norm());
        AssertClose(zeros(1, 3), right.mm(Parameter(adapter, "V_high").t()) / right.norm());
    }

    [TestMethod]
    [DataRow(null, 4)]
    [DataRow(0.25, 2)]
    [DataRow(6.0, 6)]
    public void The_frozen_rank_is_a_count_or_a_share(double? rank, int expected)
    {
        Assert.AreEqual(expected, new OsfOptions { FrozenRank = rank }.FrozenRankOf("encoder.0.query", 8));
        Assert.AreEqual(7, new OsfOptions { FrozenRank = rank, RankPattern = new Dictionary<string, double> { [@"0\.que"] = 7 } }.FrozenRankOf("encoder.0.query", 8));
    }

    [TestMethod]
    [DataRow(4.0)]
    [DataRow(0.1)]
    public void A_rank_that_leaves_nothing_on_one_side_is_refused(double rank)
        => StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new Osf(Layer(), new() { FrozenRank = rank })).Message,
            "of the 4 singular values of 'block.0.query'; it must be from 1 to 3.");
}
