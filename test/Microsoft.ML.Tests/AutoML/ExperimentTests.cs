using Microsoft.ML;
using Microsoft.ML.AutoML;
using Microsoft.ML.SearchSpace.Option;
using Space = Microsoft.ML.SearchSpace.SearchSpace;

namespace FoundationTests.AutoML;

/// <summary>Budgets, monitors, failures, cancellation and checkpoints of experiments.</summary>
[TestClass]
public sealed class ExperimentTests
{
    private static AutoMLExperiment Experiment(ITrialRunner runner) => new MLContext(1).Auto().CreateExperiment()
        .AddSearchSpace("p", new Space { ["x"] = new UniformDoubleOption(0, 1, false, 0.5) }).SetTrialRunner(runner).SetRandomSearchTuner();

    private static double X(TrialSettings settings) => settings.Parameter["p"]["x"].AsType<double>();

    [TestMethod]
    public void The_number_of_trials_ends_a_search_and_the_lowest_loss_wins()
    {
        var runner = new ScriptedRunner(s => Math.Abs(X(s) - 0.25));
        var best = Experiment(runner).SetMaxModelToExplore(12).Run();
        Assert.HasCount(12, runner.Asked);
        Assert.AreEqual(runner.Asked.Min(s => Math.Abs(X(s) - 0.25)), best.Loss);
        Assert.IsNotNull(best.TrialSettings.EndedAtUtc);
        Assert.IsGreaterThan(0, best.PeakMemoryInMegaByte!.Value);
    }

    [TestMethod]
    public void Time_ends_a_search_and_stops_the_trial_that_runs()
    {
        var runner = new ScriptedRunner((s, ct) =>
        {
            if (s.TrialId > 0 && !ct.WaitHandle.WaitOne(TimeSpan.FromSeconds(60)))
                Assert.Fail("the trial was not stopped");
            ct.ThrowIfCancellationRequested();
            return 1;
        });
        Assert.AreEqual(0, Experiment(runner).SetTrainingTimeInSeconds(2).Run().TrialSettings.TrialId);
        Assert.HasCount(2, runner.Asked);
    }

    [TestMethod]
    public async Task Cancellation_gives_the_best_trial_so_far_or_a_timeout()
    {
        using var stop = new CancellationTokenSource();
        var runner = new ScriptedRunner(s =>
        {
            if (s.TrialId == 3)
                stop.Cancel();
            return -s.TrialId;
        });
        Assert.AreEqual(3, (await Experiment(runner).RunAsync(stop.Token)).TrialSettings.TrialId);

        using var early = new CancellationTokenSource();
        var cancelled = new ScriptedRunner((_, ct) =>
        {
            early.Cancel();
            ct.ThrowIfCancellationRequested();
            return 0;
        });
        var error = await Assert.ThrowsExactlyAsync<TimeoutException>(() => Experiment(cancelled).RunAsync(early.Token));
        StringAssert.StartsWith(error.Message, "Training time finished without completing a successful trial.");
    }

    [TestMethod]
    public void A_trial_that_fails_after_a_success_is_abandoned_and_the_search_goes_on()
    {
        var monitor = new RecordingMonitor();
        var runner = new ScriptedRunner(s => s.TrialId == 1 ? throw new InvalidOperationException("bad settings") : 10 - s.TrialId);
        Assert.AreEqual(2, Experiment(runner).SetMonitor(monitor).SetMaxModelToExplore(3).Run().TrialSettings.TrialId);
        CollectionAssert.AreEqual(new[]
        {
            "running 0", "completed 0", "best 0", "running 1", "failed 1: bad settings", "running 2", "completed 2", "best 2",
        }, monitor.Told);
    }

    [TestMethod]
    public void A_first_trial_that_fails_ends_the_search_with_its_error()
    {
        var runner = new ScriptedRunner((Func<TrialSettings, double>)(_ => throw new InvalidOperationException("no such column")));
        var error = Assert.ThrowsExactly<AggregateException>(() => Experiment(runner).SetMaxModelToExplore(3).Run());
        Assert.AreEqual("no such column", error.InnerException!.Message);
        Assert.HasCount(1, runner.Asked);
    }

    [TestMethod]
    public void Too_much_memory_stops_the_trial()
    {
        var runner = new ScriptedRunner((s, ct) =>
        {
            ct.ThrowIfCancellationRequested();
            return 0;
        });
        Assert.ThrowsExactly<AggregateException>(() => Experiment(runner).SetMaximumMemoryUsageInMegaByte(0.01).SetMaxModelToExplore(3).Run());
    }

    [TestMethod]
    public void A_checkpoint_is_gone_on_from()
    {
        string folder = Directory.CreateTempSubdirectory("checkpoint-").FullName;
        try
        {
            Experiment(new ScriptedRunner(s => X(s))).SetCheckpoint(folder).SetMaxModelToExplore(3).Run();
            string file = Directory.GetFiles(folder).Single();
            StringAssert.StartsWith(Path.GetFileName(file), "trialResults-");
            Assert.AreEqual("id,loss,durationInMilliseconds,peakCpu,peakMemoryInMegaByte,parameter_0", File.ReadLines(file).First());
            Assert.HasCount(4, File.ReadAllLines(file));

            var second = new ScriptedRunner(s => X(s));
            Experiment(second).SetCheckpoint(folder).SetMaxModelToExplore(2).Run();
            CollectionAssert.AreEqual(new[] { 3, 4 }, second.Asked.Select(s => s.TrialId).ToArray());
            Assert.HasCount(6, File.ReadAllLines(file));

            File.AppendAllText(file, "7,not a number,1,1,1,0.5\n");
            var error = Assert.ThrowsExactly<AggregateException>(() => Experiment(second).SetCheckpoint(folder).SetMaxModelToExplore(2).Run());
            StringAssert.Contains(error.InnerException!.Message, "line 7: 'not a number' is no number");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    [DataRow("random")]
    [DataRow("grid")]
    [DataRow("costfrugal")]
    [DataRow("smac")]
    public void Tuners_lower_the_loss_of_the_default(string tuner)
    {
        var space = new Space
        {
            ["x"] = new UniformDoubleOption(-1, 1, false, -0.9),
            ["n"] = new UniformIntOption(1, 64, true, 60),
            ["c"] = new ChoiceOption("a", "b", "c"),
        };
        if (tuner != "grid") // whose real counterpart counts such a choice as a coordinate
            space["only"] = new ChoiceOption("one");
        double Loss(TrialSettings s)
        {
            var p = s.Parameter["p"];
            Assert.AreEqual(tuner != "grid", p.ContainsKey("only") && p["only"].AsType<string>() == "one");
            return Math.Pow(p["x"].AsType<double>() - 0.3, 2) + Math.Abs(p["n"].AsType<int>() - 12) / 64.0 + (p["c"].AsType<string>() == "b" ? 0 : 0.1);
        }
        var experiment = new MLContext(3).Auto().CreateExperiment().AddSearchSpace("p", space).SetTrialRunner(new ScriptedRunner(Loss)).SetMaxModelToExplore(60);
        experiment = tuner switch
        {
            "random" => experiment.SetRandomSearchTuner(),
            "grid" => experiment.SetGridSearchTuner(4),
            "costfrugal" => experiment.SetCostFrugalTuner(),
            _ => experiment.SetSmacTuner(numberInitialPopulation: 10, fitModelEveryNTrials: 5, numRandomEISearchConfigurations: 200),
        };
        // The default loses 1.44 + 0.75 + 0.1.
        Assert.IsLessThan(0.3, experiment.Run().Loss, tuner);
    }

    [TestMethod]
    public void The_model_based_tuner_does_better_than_chance()
    {
        double Best(bool smac, int seed)
        {
            var space = new Space();
            for (int i = 0; i < 3; i++)
                space["x" + i] = new UniformDoubleOption(0, 1);
            double Loss(TrialSettings s) => Enumerable.Range(0, 3).Sum(i => Math.Pow(s.Parameter["p"]["x" + i].AsType<double>() - 0.7, 2));
            var experiment = new MLContext(seed).Auto().CreateExperiment().AddSearchSpace("p", space).SetTrialRunner(new ScriptedRunner(Loss)).SetMaxModelToExplore(60);
            return (smac ? experiment.SetSmacTuner(15, 6, numRandomEISearchConfigurations: 300) : experiment.SetRandomSearchTuner()).Run().Loss;
        }
        double model = Enumerable.Range(1, 5).Average(s => Best(true, s)), chance = Enumerable.Range(1, 5).Average(s => Best(false, s));
        Assert.IsLessThan(chance, model);
    }
}
