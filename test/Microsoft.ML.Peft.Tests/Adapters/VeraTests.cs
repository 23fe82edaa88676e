using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class VeraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new VeraOptions { Rank = 3 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(3, outputs);

    [TestMethod]
    public void Layers_take_corners_of_the_same_matrices()
    {
        using var initialization = new Initialization(1);
        var (wide, high) = (Layer(6, 2), Layer(3, 5));
        var parts = new VeraOptions { Rank = 2 }.CreateParts(new AdapterBuild([wide, high], initialization)).ToList();
        var shared = (SharedProjections)parts[0];

        CollectionAssert.AreEqual(new long[] { 2, 6 }, shared.A.shape);
        CollectionAssert.AreEqual(new long[] { 5, 2 }, shared.B.shape);
        foreach (var part in parts.OfType<Vera>())
        {
            Fill(part, "vera_lambda_b", 3);
            Fill(part, "vera_lambda_d", 0.5);
        }

        AssertClose(1.5 * shared.B[..2].mm(shared.A), ((Vera)parts[1]).Delta());
        AssertClose(1.5 * shared.B.mm(shared.A[.., ..3]), ((Vera)parts[2]).Delta());
    }

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(129_024, 28 * (Count(256, 3072) + Count(256, 1024)));

    [TestMethod]
    [DataRow(0, 0.0, 0.1, "Rank is 0; it must be")]
    [DataRow(8, 1.0, 0.1, "Dropout is 1; it must be")]
    [DataRow(8, 0.0, double.NaN, "InitialScale is NaN; it must be")]
    public void Settings_outside_their_range_are_refused(int rank, double dropout, double scale, string sentence)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => new VeraOptions { Rank = rank, Dropout = dropout, InitialScale = scale }.Validate());

        StringAssert.StartsWith(error.Message, sentence);
    }

    private static long Count(long rank, long outputs) => outputs + rank;
}

[TestClass]
public sealed class PVeraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PVeraOptions { Rank = 3 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => outputs + (2 * 3);

    [TestMethod]
    public void Training_draws_around_the_mean_with_the_deviation_of_the_input()
    {
        var layer = Layer();
        var parts = Parts(layer);
        var (shared, part) = ((SharedProjections)parts[0], (PVera)parts[1]);
        Fill(part, "pvera_lambda_b", 1);
        Fill(part, "pvera_lambda_d", 0.5);
        var x = randn(6).expand(20_000, 6);
        var mean = part.call(x)[0]; // predicting takes the mean
        part.train();
        var drawn = part.call(x);

        // Each output is B·z: its variance is Σ B²·σ² with ln σ² = 0.5·A₂·x.
        var variance = shared.A[3..].matmul(x[0]).mul(0.5).exp();
        var deviation = shared.B.pow(2).matmul(variance).sqrt();
        Assert.IsTrue(drawn.mean([0L]).sub(mean).abs().le(deviation * 4 / Math.Sqrt(20_000)).all().item<bool>());
        Assert.IsTrue(drawn.std(0L).div(deviation).sub(1).abs().max().item<float>() < 0.03);
    }

    [TestMethod]
    public void Predictions_are_drawn_only_on_request_and_from_their_seed()
    {
        using var initialization = new Initialization(1);
        var layer = Layer();
        Tensor[] runs = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            var part = (PVera)new PVeraOptions { Rank = 3, SampleAtInference = true, GeneratorSeed = 4 }.CreateParts(new AdapterBuild([layer], initialization)).Last();
            Fill(part, "pvera_lambda_b", 1);
            part.eval();
            return part.call(ones(2, 6));
        })];

        Assert.IsFalse(runs[0][0].allclose(runs[0][1]), "both rows draw the same");
        AssertClose(runs[0], runs[1]);
    }
}
