using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace FoundationTests.Context;

/// <summary>Log, seeds and options of a context.</summary>
[TestClass]
public sealed class ContextTests
{
    [TestMethod]
    public void Messages_of_channels_reach_the_log_with_source_and_kind()
    {
        var ml = new MLContext(1);
        var heard = new List<LoggingEventArgs>();
        ml.Log += (_, e) => heard.Add(e);
        using (var channel = ((IHostEnvironment)ml).Register("Trainer").Start("Training"))
        {
            channel.Info(MessageSensitivity.None, "{0} rows", 5);
            channel.Warning(MessageSensitivity.None, "no {braces}");
        }
        CollectionAssert.AreEqual(new[] { "Channel started", "5 rows", "no {braces}" }, heard.Take(3).Select(e => e.RawMessage).ToArray());
        Assert.AreEqual("[Source=Trainer; Training, Kind=Info] 5 rows", heard[1].Message);
        Assert.AreEqual(ChannelMessageKind.Warning, heard[2].Kind);
        Assert.AreEqual("Trainer; Training", heard[2].Source);
        Assert.AreEqual("Channel disposed", heard[^1].RawMessage);
    }

    [TestMethod]
    public void Hosts_draw_the_same_numbers_for_the_same_seed()
    {
        double[] Draw(int? seed)
        {
            var host = ((IHostEnvironment)new MLContext(seed)).Register("x");
            return Enumerable.Range(0, 5).Select(_ => host.Rand.NextDouble()).ToArray();
        }
        CollectionAssert.AreEqual(Draw(7), Draw(7));
        CollectionAssert.AreNotEqual(Draw(7), Draw(8));
        CollectionAssert.AreNotEqual(Draw(null), Draw(null));
        var fixedSeed = ((IHostEnvironment)new MLContext()).Register("x", seed: 3);
        Assert.AreEqual(((IHostEnvironment)new MLContext(9)).Register("y", seed: 3).Rand.Next(), fixedSeed.Rand.Next());
    }

    [TestMethod]
    public void Options_are_kept_by_name()
    {
        var ml = new MLContext();
        Assert.IsTrue(ml.TryAddOption("a", 1));
        Assert.IsFalse(ml.TryAddOption("a", 2));
        ml.SetOption("a", 3);
        Assert.AreEqual(3, ml.GetOptionOrDefault<int>("a"));
        Assert.IsTrue(ml.RemoveOption("a"));
        Assert.IsFalse(ml.TryGetOption<int>("a", out _));
        Assert.AreEqual(Path.GetTempPath(), ml.TempFilePath);
    }
}
