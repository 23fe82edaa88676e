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

    // timm's cosine schedule with a warm-up: 1e-6 to 1e-3 in the first tenth, then down to 1e-5.
    [TestMethod]
    [DataRow(-1, 1e-6)]
    [DataRow(4, (1e-6 + 1e-3) / 2)]
    [DataRow(9, 1e-3)]
    [DataRow(10, 1e-3)]
    [DataRow(55, (1e-5 + 1e-3) / 2)]
    [DataRow(100, 1e-5)]
    public void The_schedule_of_VTAB_climbs_and_falls(int step, double expected)
        => Assert.AreEqual(expected, TrainingOptions.Vtab.LearningRateAt(step, 100), 1e-12);

    [TestMethod]
    public void A_line_falls_to_the_last_rate()
        => Assert.AreEqual(1.25, new TrainingOptions { LearningRate = 2, LastLearningRate = 0.5 }.LearningRateAt(5, 10), 1e-12);

    [TestMethod]
    public void Settings_outside_their_range_are_refused()
    {
        foreach (var bad in new TrainingOptions[]
        {
            new() { Epochs = 0 }, new() { BatchSize = 0 }, new() { LearningRate = double.NaN }, new() { LearningRate = -1 },
            new() { WeightDecay = -1 }, new() { WarmupRatio = 2 }, new() { MaxGradientNorm = -1 }, new() { FirstLearningRate = -1 },
            new() { FirstLearningRate = 1 }, new() { LastLearningRate = 1 }, new() { LastLearningRate = double.NaN }, new() { DropPath = 1 }, new() { DropPath = -0.1 }, new() { Schedule = (LearningRateSchedule)9 },
        })
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(bad.Validate, bad.ToString());
        }
    }
}
