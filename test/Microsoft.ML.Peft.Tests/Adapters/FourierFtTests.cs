using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class FourierFtTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new FourierFtOptions { Frequencies = 3, Scaling = 30 };

    protected override bool StartsAsIdentity => false;

    protected override long TrainedNumbers(long inputs, long outputs) => 3;

    [TestMethod]
    public void Delta_is_the_sum_of_waves_of_the_paper()
    {
        var adapter = (FourierFt)Wrap(Layer());
        var values = Parameter(adapter, "fourierft_spectrum").data<float>().ToArray();
        var positions = Parameter(adapter, "positions").data<long>().ToArray();
        var expected = zeros(4, 6);
        for (var o = 0; o < 4; o++)
        {
            for (var j = 0; j < 6; j++)
            {
                expected[o, j] = values.Zip(positions, (c, p) => c * Math.Cos(2 * Math.PI * ((p / 6 * o / 4.0) + (p % 6 * j / 6.0)))).Sum() * 30 / 24;
            }
        }

        AssertClose(expected, adapter.Delta());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(50)]
    public void Few_rows_and_many_go_different_ways_to_the_same_output(int rows)
    {
        var layer = Layer(24, 20);
        using var initialization = new Initialization(0);
        var adapter = new FourierFt(layer, new() { Frequencies = 30 }, new AdapterBuild([layer], initialization));
        var x = randn(rows, 24);

        AssertClose(Base(layer, x) + nn.functional.linear(x, adapter.Delta()), adapter.call(x));
    }

    [TestMethod]
    public void The_seed_chooses_other_positions_and_the_pattern_another_count()
    {
        using var initialization = new Initialization(0);
        var build = new AdapterBuild([], initialization);
        var first = new FourierFt(Layer(), new() { Frequencies = 5 }, build);
        var second = new FourierFt(Layer(), new() { Frequencies = 9, Seed = 1, FrequencyPattern = new Dictionary<string, long> { ["query"] = 5 } }, build);

        Assert.AreEqual(5, Parameter(second, "fourierft_spectrum").numel());
        Assert.IsFalse(Parameter(first, "positions").bytes.SequenceEqual(Parameter(second, "positions").bytes));
    }

    [TestMethod]
    public void More_frequencies_than_numbers_are_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => new FourierFt(Layer(), new() { Frequencies = 25 }, new AdapterBuild([], initialization)));

        StringAssert.StartsWith(error.Message, "frequencies is 25; it must be from 1 to 24");
    }
}
