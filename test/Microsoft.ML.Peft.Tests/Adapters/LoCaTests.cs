using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public class LoCaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoCaOptions { Frequencies = 5, Scaling = 3, Mode = Mode };

    protected virtual LoCaMode Mode => LoCaMode.Default;

    protected override long TrainedNumbers(long inputs, long outputs) => 3 * 5; // in the phases of the places

    [TestMethod]
    public void Delta_is_the_sum_of_cosine_waves()
    {
        var adapter = (LoCa)Wrap(Layer());
        Randomize(adapter);
        var (a, places) = (Parameter(adapter, "loca_spectrum").data<float>().ToArray(), adapter.Positions());
        var expected = zeros(4, 6);
        for (var k = 0; k < a.Length; k++)
        {
            expected.add_(outer(Wave(4, places[0, k].item<long>()), Wave(6, places[1, k].item<long>())), a[k] * 3);
        }

        AssertClose(expected, adapter.Delta());

        static Tensor Wave(int size, long frequency) => tensor(Enumerable.Range(0, size)
            .Select(j => (float)(Math.Sqrt((frequency == 0 ? 1.0 : 2) / size) * Math.Cos(((2 * j) + 1) * frequency * Math.PI / (2 * size)))).ToArray());
    }

    [TestMethod]
    public void The_norm_of_delta_is_that_of_the_coefficients_and_those_of_one_place_add()
    {
        var adapter = (LoCa)Wrap(Layer());
        Put(adapter, [1, -2, 3, 0, 4], [[0, 0.4, 0.7, 1, 0.2], [0, 0.3, 0.9, 0.1, 0.8]]);
        Assert.AreEqual(3 * Math.Sqrt(30), adapter.Delta().norm().item<float>(), 1e-4);

        Put(adapter, [1, -2, 3, 0, 4], [[0.4, 0.4, 0, 0, 0], [0.3, 0.3, 0, 0, 0]]); // 1 − 2 and 3 + 0 + 4
        Assert.AreEqual(3 * Math.Sqrt(50), adapter.Delta().norm().item<float>(), 1e-4);
    }

    [TestMethod]
    public void The_gradient_of_a_place_is_half_the_difference_of_its_neighbours()
    {
        var (adapter, cotangent) = ((LoCa)Wrap(Layer()), randn(4, 6).mul(0.1));
        double[] a = [0.3, -0.2, 0.1, 6, 0.2];
        double[][] l = [[1 / 3.0, 2 / 3.0, 0, 1 / 3.0, 0.9995], [0.2, 0.4, 0.8, 0.6, -0.1]]; // one at the border, two outside [0, 0.999]
        Put(adapter, a, l);
        (adapter.Delta() * cotangent).sum().backward();
        var gradients = Parameter(adapter, "loca_locations").grad!.clone();
        for (var side = 0; side < 2; side++)
        {
            var size = side == 0 ? 4 : 6;
            for (var k = 0; k < 5; k++)
            {
                var slope = Math.Clamp((Loss(side, k, 1) - Loss(side, k, -1)) / 2, -1, 1);
                var expected = l[side][k] is >= 0 and <= 0.999 ? slope * (size - 1) : 0;
                Assert.AreEqual(expected, gradients[side, k].item<float>(), 1e-4, $"side {side}, place {k}");
            }
        }

        Assert.IsTrue(gradients.abs().max().item<float>() > 2.9); // one was limited to 1, of the rows or the columns

        double Loss(int side, int k, int move)
        {
            var size = side == 0 ? 4 : 6;
            double[][] moved = [[.. l[0]], [.. l[1]]];
            moved[side][k] = Math.Clamp(Math.Round(Math.Clamp(l[side][k], 0, 0.999) * (size - 1)) + move, 0, size - 1) / (size - 1);
            Put(adapter, a, moved);
            using var _ = no_grad();
            return (adapter.Delta() * cotangent).sum().item<float>();
        }
    }

    [TestMethod]
    public void Places_of_a_file_that_the_layer_has_not_are_refused()
    {
        using var _ = no_grad();
        var adapter = (LoCa)Wrap(Layer());
        adapter.Loaded();
        Fill(adapter, "loca_positions", 4); // rows are 0 to 3

        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(adapter.Loaded).Message, "4 × 6");

        Fill(adapter, "loca_positions", 0);
        Fill(adapter, "loca_shape", 8);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(adapter.Loaded).Message, "a layer of 8 × 8");
    }

    private static void Put(LoCa adapter, double[] a, double[][] l)
    {
        using var _ = no_grad();
        Parameter(adapter, "loca_spectrum").copy_(tensor(a));
        Parameter(adapter, "loca_locations").copy_(stack(l.Select(side => tensor(side))));
    }
}

[TestClass]
public sealed class LoCaSparseTests : LoCaTests
{
    protected override LoCaMode Mode => LoCaMode.Sparse;
}

[TestClass]
public sealed class LoCaFastTests : LoCaTests
{
    protected override LoCaMode Mode => LoCaMode.Fast;
}
