using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>OFT with the exact rotation.</summary>
[TestClass]
public sealed class OftTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new OftOptions { BlockSize = 3, UsesSeries = false };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(3, inputs);

    [TestMethod]
    public void A_pair_of_inputs_turns_by_twice_the_arc_tangent()
    {
        using var initialization = new Initialization(0);
        using var adapter = new Oft(Layer(2, 2), new() { BlockSize = 2, UsesSeries = false }, new AdapterBuild([], initialization));
        Fill(adapter, "oft_R", 0.5); // Q = [[0, ½], [−½, 0]]: (I − Q)·(I + Q)⁻¹ turns by 2·atan ½: cos 0.6, sin 0.8
        var turned = adapter.Materialize(eye(2)); // Rᵀ

        AssertClose(tensor(new[,] { { 0.6f, 0.8f }, { -0.8f, 0.6f } }), turned);
    }

    [TestMethod]
    public void The_rotation_keeps_lengths()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);

        AssertClose(layer.FrozenWeight.norm(1, false), adapter.Materialize(layer.FrozenWeight).norm(1, false));
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(6)]
    public void The_series_has_its_terms(int terms)
    {
        var q = randn(2, 3, 3).mul(0.1);
        q = q - q.transpose(1, 2);
        var (power, expected) = (q, eye(3) + (2 * q));
        for (var k = 2; k < Math.Max(terms, terms == 3 ? 4 : 0); k++)
        {
            power = power.bmm(q);
            expected = expected + (k == Math.Max(terms, 4) - 1 ? power : 2 * power); // the last one once
        }

        AssertClose(expected, CayleyRotation.Neumann(q, terms));
    }

    [TestMethod]
    public void The_series_is_near_the_inverse_of_the_exact_rotation()
    {
        var q = randn(2, 3, 3).mul(0.02);
        q = q - q.transpose(1, 2);

        AssertClose(eye(3).expand(2, 3, 3), CayleyRotation.Neumann(q, 6).bmm(CayleyRotation.Exact(q)));
    }

    [TestMethod]
    [DataRow(12, 5, 4L)]
    [DataRow(30, 12, 10L)]
    [DataRow(14, 5, 7L)]
    [DataRow(8, 50, 8L)]
    public void A_wish_becomes_the_nearest_divisor(int inputs, int wish, long taken) => Assert.AreEqual(taken, OftRotation.Divisor(inputs, wish));

    [TestMethod]
    public void The_constrained_variant_stays_in_its_sphere()
    {
        using var initialization = new Initialization(0);
        var options = new OftOptions { BlockSize = 3, Constrained = true, Radius = 0.1, UsesSeries = false };
        using var adapter = new Oft(Layer(), options, new AdapterBuild([], initialization));
        Randomize(adapter);
        var x = Input();
        var before = adapter.call(x);
        ((IOftPart)adapter).Rotation.Constrain();
        var norms = Parameter(adapter, "oft_R").norm(1, false) * Math.Sqrt(2);

        AssertClose(full_like(norms, 0.1 / Math.Sqrt(2)), norms); // two blocks
        AssertClose(before, adapter.call(x)); // it computed within the sphere already
    }

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(8_171_520, 28 * 2 * Count(96, 3072)); // 32 blocks

    private static long Count(long block, long inputs) => inputs * (block - 1) / 2;

    [TestMethod]
    [DataRow("{\"peft_type\": \"OFT\", \"r\": 4}", "oft_block_size")] // written before blocks had a size
    [DataRow("{\"peft_type\": \"OFT\", \"r\": 4, \"oft_block_size\": 4}", "set one of them")]
    public void A_file_that_does_not_say_its_blocks_is_refused(string json, string named)
        => StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => AdapterOptions.FromJson(json, "adapter_config.json")).Message, named);
}

/// <summary>OFT with the series, one rotation for all blocks.</summary>
[TestClass]
public sealed class OftSeriesTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new OftOptions { BlockCount = 3, BlockSize = 0, BlockShare = true };

    protected override double Deviation => 0.1;

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => 1;
}
