using Microsoft.ML.Peft.Training;

namespace Microsoft.ML.Peft.Tests.Training;

/// <summary>The learning rate of a step, by hand.</summary>
[TestClass]
public sealed class LearningRateTests
{
    [TestMethod]
    [DataRow(LearningRateSchedule.Linear, 0.0, 0, 2.0)]
    [DataRow(LearningRateSchedule.Linear, 0.0, 5, 1.0)]
    [DataRow(LearningRateSchedule.Linear, 0.2, 0, 1.0)]
    [DataRow(LearningRateSchedule.Linear, 0.2, 1, 2.0)]
    [DataRow(LearningRateSchedule.Linear, 0.2, 6, 1.0)]
    [DataRow(LearningRateSchedule.Cosine, 0.0, 5, 1.0)]
    [DataRow(LearningRateSchedule.Constant, 0.0, 9, 2.0)]
    public void Of_ten_steps(LearningRateSchedule schedule, double warmup, int step, double expected)
        => Assert.AreEqual(
            expected, new TrainingOptions { LearningRate = 2, Schedule = schedule, WarmupRatio = warmup }.LearningRateAt(step, 10), 1e-12);

    [TestMethod]
    public void Settings_outside_their_range_are_refused()
    {
        foreach (var bad in new TrainingOptions[]
        {
            new() { Epochs = 0 }, new() { BatchSize = 0 }, new() { LearningRate = double.NaN }, new() { LearningRate = -1 },
            new() { WeightDecay = -1 }, new() { WarmupRatio = 2 }, new() { MaxGradientNorm = -1 }, new() { Schedule = (LearningRateSchedule)9 },
        })
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(bad.Validate, bad.ToString());
        }
    }
}
