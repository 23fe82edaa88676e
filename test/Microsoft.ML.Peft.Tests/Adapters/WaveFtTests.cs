using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class WaveFtTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new WaveFtOptions { Coefficients = 9, Scaling = 5, WaveletFamily = "db3" };

    protected override long TrainedNumbers(long inputs, long outputs) => 9;

    [TestMethod]
    public void Haar_blocks_are_those_of_the_specification()
    {
        var adapter = Make(new() { Coefficients = 24, Scaling = 2 });
        Randomize(adapter);
        var spectrum = new float[24]; // as HF PEFT lays it out: (4, 6)
        var order = SeededPositions.Draw(777, 24, 24).data<long>().ToArray();
        var values = Parameter(adapter, "waveft_spectrum").data<float>().ToArray();
        for (var k = 0; k < 24; k++)
        {
            spectrum[order[k]] = values[k];
        }

        var expected = zeros(4, 6);
        for (var i = 0; i < 2; i++)
        {
            for (var j = 0; j < 3; j++)
            {
                var (a, h, v, d) = (spectrum[(i * 6) + j], spectrum[(i * 6) + j + 3], spectrum[((i + 2) * 6) + j], spectrum[((i + 2) * 6) + j + 3]);
                expected[2 * i, 2 * j] = a + h + v + d;
                expected[2 * i, (2 * j) + 1] = a + h - v - d;
                expected[(2 * i) + 1, 2 * j] = a - h + v - d;
                expected[(2 * i) + 1, (2 * j) + 1] = a - h - v + d;
            }
        }

        AssertClose(expected, adapter.Delta()); // ½ · scale 2
        AssertClose(Parameter(adapter, "waveft_spectrum").norm().mul(2), adapter.Delta().norm());
    }

    [TestMethod]
    [DataRow("db2", new[] { 0.48296291314453416, 0.8365163037378079, 0.2241438680420134, -0.12940952255126037 })]
    [DataRow("db3", new[] { 0.3326705529500826, 0.8068915093110926, 0.4598775021184916, -0.13501102001025458, -0.08544127388202666, 0.03522629188570953 })]
    public void Daubechies_filters_are_the_published_ones(string family, double[] filter)
    {
        var wavelet = new Wavelet(family, 40);
        var one = zeros(1, wavelet.Padded);
        one[0, 10] = 1;
        var response = wavelet.Synthesize(one).flatten();
        var start = Enumerable.Range(0, 40).First(k => response[k].abs().item<float>() > 1e-3);

        AssertClose(tensor(filter).to(ScalarType.Float32), response.narrow(0, start, filter.Length));
    }

    [TestMethod]
    [DataRow("db1", 7, 5)]
    [DataRow("db4", 12, 9)]
    [DataRow("db10", 20, 31)]
    public void The_way_without_the_matrix_gives_its_output(string family, int inputs, int outputs)
    {
        var layer = Layer(inputs, outputs);
        using var initialization = new Initialization(0);
        var adapter = new WaveFt(layer, new() { Coefficients = 9, WaveletFamily = family }, new AdapterBuild([layer], initialization));
        Randomize(adapter);
        var x = randn(2, inputs);

        Assert.IsTrue((Base(layer, x) + nn.functional.linear(x, adapter.Delta())).allclose(adapter.call(x), 1e-4, 1e-4));
    }

    [TestMethod]
    public void Numbers_are_shared_out_by_size()
    {
        var (small, large) = (Layer(4, 2), Layer(12, 6));
        var options = new WaveFtOptions { Coefficients = 20, Proportional = true };

        Assert.AreEqual(4, options.CoefficientsOf(small, [small, large])); // 8/80 of 40
        Assert.AreEqual(36, options.CoefficientsOf(large, [small, large]));
    }

    [TestMethod]
    public void An_unknown_wavelet_is_refused()
        => StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => new WaveFtOptions { WaveletFamily = "sym4" }.Validate()).Message,
            "WaveletFamily is 'sym4'; supported are db1 to db10.");

    private static WaveFt Make(WaveFtOptions options)
    {
        using var initialization = new Initialization(0);
        return new WaveFt(Layer(6, 4), options, new AdapterBuild([], initialization));
    }
}
