using Microsoft.ML.Peft.Procedures.Generation;

namespace Microsoft.ML.Peft.Tests.Generation;

/// <summary>Which tokens can be drawn, and how often.</summary>
[TestClass]
public sealed class TokenSamplerTests
{
    // Probabilities 0.4, 0.3, 0.2, 0.1 at ids 3, 1, 0, 2.
    private static readonly float[] s_scores = [MathF.Log(0.2f), MathF.Log(0.3f), MathF.Log(0.1f), MathF.Log(0.4f)];

    [TestMethod]
    public void Temperature_0_takes_the_best() => Assert.AreEqual(3, Next(new GenerationOptions()));

    [TestMethod]
    [DataRow(0, 1.0, 1.0, new[] { 0.2, 0.3, 0.1, 0.4 })]
    [DataRow(2, 1.0, 1.0, new[] { 0, 3.0 / 7, 0, 4.0 / 7 })]
    [DataRow(1, 1.0, 1.0, new[] { 0, 0, 0, 1.0 })]
    [DataRow(0, 0.69, 1.0, new[] { 0, 3.0 / 7, 0, 4.0 / 7 })]
    [DataRow(0, 0.71, 1.0, new[] { 2.0 / 9, 3.0 / 9, 0, 4.0 / 9 })]
    [DataRow(0, 0.01, 1.0, new[] { 0, 0, 0, 1.0 })]
    [DataRow(3, 0.7, 1.0, new[] { 0, 3.0 / 7, 0, 4.0 / 7 })]       // 0.4/0.9 + 0.3/0.9 is above 0.7
    [DataRow(0, 1.0, 0.5, new[] { 4.0 / 30, 9.0 / 30, 1.0 / 30, 16.0 / 30 })] // squares
    public void Tokens_come_as_often_as_they_should(int topK, double topP, double temperature, double[] expected)
    {
        const int Draws = 40000;
        var sampler = new TokenSampler(new GenerationOptions { Temperature = temperature, TopK = topK, TopP = topP, Seed = 7 }, 0, []);
        var counts = new int[4];
        for (var k = 0; k < Draws; k++)
        {
            counts[sampler.Next((float[])s_scores.Clone())]++;
        }

        for (var id = 0; id < 4; id++)
        {
            // Five standard deviations.
            Assert.AreEqual(expected[id], (double)counts[id] / Draws, 5 * Math.Sqrt(expected[id] * (1 - expected[id]) / Draws) + 1e-9, $"token {id}");
        }
    }

    [TestMethod]
    public void A_penalty_makes_what_was_there_less_likely()
    {
        var options = new GenerationOptions { RepetitionPenalty = 2 };
        Assert.AreEqual(1, new TokenSampler(options, 0, [0]).Next([3f, 2f, 1f]));    // 3/2 is below 2
        Assert.AreEqual(1, new TokenSampler(options, 0, [0]).Next([-1f, -1.5f, -3f])); // −1·2 is below −1.5
        var sampler = new TokenSampler(options, 0, []);
        Assert.AreEqual(0, sampler.Next([3f, 2f, 1f]));
        Assert.AreEqual(1, sampler.Next([3f, 2f, 1f])); // its own tokens count too
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void Scores_that_are_no_numbers_are_refused(float score)
        => Assert.ThrowsExactly<PeftException>(() => new TokenSampler(new GenerationOptions(), 0, []).Next([1f, score, 2f]));

    private static int Next(GenerationOptions options) => new TokenSampler(options, 0, []).Next((float[])s_scores.Clone());
}
