using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class TriAdaptLoraGoldenTests : GoldenMethodTests
{
    private static readonly string[] s_parameters = ["A", "B", "Crow", "Ccol"];

    public static IEnumerable<object[]> Layers => MethodCase.Cases("triadaptlora", "layer");

    public static IEnumerable<object[]> Schedules => MethodCase.Cases("triadaptlora", "growth");

    public static IEnumerable<object[]> Runs => MethodCase.Cases("triadaptlora", "train");

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Outputs_gradients_scores_and_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("triadaptlora", name);
        var layer = golden.Layer();
        var options = Options(golden) with
        {
            BlockSizes = new Dictionary<string, IReadOnlyList<int>> { [layer.Path] = [.. golden.Options.GetProperty("block_sizes").EnumerateArray().Select(size => size.GetInt32())] },
            OrthogonalWeight = 0.5,
        };
        var part = (TriAdaptLora)MethodCase.Parts(options, layer).Single();
        var named = Named(part);
        for (var block = 0; block < part.BlockSizes.Count; block++)
        {
            Array.ForEach(s_parameters, kind => golden.Fill(named[$"lora_{kind}_{block}"], $"param.{kind}{block}"));
        }

        golden.AssertForwardAndBackward(part.call);
        for (var block = 0; block < part.BlockSizes.Count; block++)
        {
            Array.ForEach(s_parameters, kind => golden.AssertClose($"grad.{kind}{block}", named[$"lora_{kind}_{block}"].grad));
        }

        golden.AssertClose("C", part.Core);
        golden.AssertClose("delta.weight", part.Delta());
        golden.AssertClose("merged.weight", part.Materialize(layer.Weight.Dense()));
        golden.AssertClose("score", tensor((float)part.Evaluate()));
        Assert.AreEqual(golden["score2"].item<float>(), part.Evaluate(), golden.Tolerance);
        using var set = AdapterSet.Of("x", options, [part], 1);
        golden.AssertClose("reg", set.Penalty());
    }

    [TestMethod]
    [DynamicData(nameof(Schedules))]
    public void The_ranks_grow_as_the_authors(string name)
    {
        using var golden = MethodCase.Load("triadaptlora", name);
        var options = Options(golden);
        var parts = Parts(options, [.. Enumerable.Range(0, golden.Int("num_matrices")).Select(k => Layer(k))]);
        using var set = AdapterSet.Of("x", options, parts, parts.Count);
        using var optimizer = new FlatAdamW(set.TrainedParameters());
        using var training = set.Options!.CreateTraining(set)!;
        var evaluations = golden["evaluation_step"].data<long>().ToArray();
        CollectionAssert.AreEqual(golden["init.ranks"].data<long>().ToArray(), parts.Select(part => (long)part.Rank).ToArray());
        for (var step = 1; step <= golden.Int("steps"); step++)
        {
            var row = Array.IndexOf(evaluations, step);
            var before = parts.Select(part => part.PreviousScore).ToArray();
            if (row >= 0)
            {
                CollectionAssert.AreEqual(Row<long>("blocks", row), parts.Select(part => (long)part.BlockSizes.Count).ToArray());
                Inject(parts, Row<float>("norms", row));
            }

            var ranks = parts.Select(part => part.Rank).ToArray();
            training.AfterStep(new(step - 1, golden.Int("total_step"), 1e-3));
            optimizer.Follow(set.TrainedParameters());

            if (row < 0)
            {
                CollectionAssert.AreEqual(ranks, parts.Select(part => part.Rank).ToArray(), $"step {step}");
                continue;
            }

            golden.AssertClose("scores", Replaced("scores", row, [.. parts.Select((part, k) => (float)(part.PreviousScore - before[k]))]));
            CollectionAssert.AreEqual(Row<bool>("grew", row), parts.Select((part, k) => part.Rank > ranks[k]).ToArray(), $"step {step}");
            CollectionAssert.AreEqual(Row<long>("ranks", row), parts.Select(part => (long)part.Rank).ToArray(), $"step {step}");
            Assert.AreEqual(golden["total_rank"][row].item<long>(), parts.Sum(part => part.Rank));
            Assert.AreEqual(golden["optimizer_groups"][row].item<long>(), optimizer.GroupCount);
        }

        T[] Row<T>(string tensor, int row)
            where T : unmanaged
            => golden[tensor][row].clone().data<T>().ToArray();

        // The whole recorded tensor with one row of ours, which is compared by the size of the whole.
        Tensor Replaced(string recorded, int row, float[] ours)
        {
            var all = golden[recorded].clone();
            all[row].copy_(tensor(ours));
            return all;
        }
    }

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void A_training_run_that_grows_is_the_authors(string name)
    {
        using var golden = MethodCase.Load("triadaptlora", name);
        var options = Options(golden);
        var count = golden.Names.Count(tensor => tensor.EndsWith(".base.weight", StringComparison.Ordinal));
        var parts = Parts(options, [.. Enumerable.Range(0, count).Select(k => golden.Layer($"block.{k}.query", $"m{k}.base.", k))]);
        for (var k = 0; k < count; k++)
        {
            golden.Fill(Named(parts[k])["lora_A_0"], $"m{k}.param.A0");
            golden.Fill(Named(parts[k])["lora_B_0"], $"m{k}.param.B0");
        }

        using var set = AdapterSet.Of("x", options, parts, parts.Count);
        using var optimizer = new FlatAdamW(set.TrainedParameters(), golden.Number("weight_decay"));
        using var training = set.Options!.CreateTraining(set)!;
        var (losses, taskLosses, ranks) = (new List<float>(), new List<float>(), new List<long>());
        var steps = golden["trace.loss"].size(0);
        for (var step = 1; step <= steps; step++)
        {
            var x = golden["input"];
            for (var k = 0; k < count; k++)
            {
                x = parts[k].call(k == 0 ? x : x.tanh());
            }

            var loss = (x - golden["target"]).square().mean();
            taskLosses.Add(loss.item<float>());
            loss = set.Penalty() is { } penalty ? loss + penalty : loss;
            losses.Add(loss.item<float>());
            loss.backward();
            // In the recorded run the first block's Crow and Ccol have views of one tensor as gradients, which PyTorch kept as they came and zeroed in
            // place: from the second step on each holds what both were given, which is twice its gradient.
            foreach (var shared in parts.Where(_ => step > 1).SelectMany(part => new[] { Named(part)["lora_Crow_0"], Named(part)["lora_Ccol_0"] }))
            {
                shared.grad!.mul_(2);
            }

            optimizer.Step(golden.Number("lr"), 0, keepGradients: true);
            var before = parts.Select(part => part.BlockSizes.Count).ToArray();
            training.AfterStep(new(step - 1, golden.Int("total_step"), golden.Number("lr")));
            for (var k = 0; k < count; k++)
            {
                if (parts[k].BlockSizes.Count > before[k])
                {
                    golden.Fill(Named(parts[k])[$"lora_A_{before[k]}"], $"grow.t{step}.m{k}.A");
                    golden.Fill(Named(parts[k])[$"lora_B_{before[k]}"], $"grow.t{step}.m{k}.B");
                }
            }

            optimizer.Follow(set.TrainedParameters());
            ranks.AddRange(parts.Select(part => (long)part.Rank));
        }

        golden.AssertClose("trace.task_loss", tensor(taskLosses.ToArray()));
        golden.AssertClose("trace.loss", tensor(losses.ToArray()));
        CollectionAssert.AreEqual(golden["trace.ranks"].data<long>().ToArray(), ranks);
        foreach (var recorded in golden.Names.Where(tensor => tensor.Contains(".final.", StringComparison.Ordinal)))
        {
            var (k, what) = (int.Parse(recorded[1..recorded.IndexOf('.', StringComparison.Ordinal)]), recorded[(recorded.LastIndexOf('.') + 1)..]);
            var kind = what.TrimEnd([.. "0123456789"]);
            golden.AssertClose(recorded, what == "delta" ? parts[k].Delta() : Named(parts[k])[$"lora_{kind}_{what[kind.Length..]}"]);
        }
    }

    private static TriAdaptLoraOptions Options(MethodCase golden)
    {
        var of = golden.Options;
        int? Whole(string name) => of.TryGetProperty(name, out var value) && value.ValueKind == System.Text.Json.JsonValueKind.Number ? value.GetInt32() : null;
        double? Number(string name) => of.TryGetProperty(name, out var value) && value.ValueKind == System.Text.Json.JsonValueKind.Number ? value.GetDouble() : null;
        return new()
        {
            ReferenceRank = Whole("reference_rank") ?? 8,
            InitialRank = Whole("init_rank") ?? 1,
            GrowthRank = Whole("incre_rank_num"),
            InitialSteps = Whole("init_warmup") ?? 0,
            Interval = Whole("incre_interval") ?? 1,
            Growth = of.TryGetProperty("rank_growth_model", out var growth)
                ? growth.GetString() switch { "linear" => RankGrowth.Linear, "non-linear" => RankGrowth.NonLinear, _ => RankGrowth.Fixed }
                : RankGrowth.Linear,
            TopK = Whole("top_k") ?? 1,
            TotalSteps = Whole("total_step"),
            TargetTotalRank = Whole("target_total_rank"),
            Alpha = Math.Max(0, Number("lora_alpha") ?? 16),
            OrthogonalWeight = Number("orth_reg_weight") ?? 0.1,
            WeightDecay = Number("weight_decay") ?? 0,
        };
    }

    private static List<TriAdaptLora> Parts(TriAdaptLoraOptions options, LinearLayer[] layers)
        => [.. MethodCase.Parts(options, layers).Cast<TriAdaptLora>()];

    private static LinearLayer Layer(int index) => new($"block.{index}.query", index, new DenseWeight(zeros(4, 6)), zeros(4));

    // Cores whose norms are the recorded ones.
    private static void Inject(List<TriAdaptLora> parts, float[] norms)
    {
        using var _ = no_grad();
        for (var k = 0; k < parts.Count; k++)
        {
            foreach (var (parameter, values) in Named(parts[k]).Where(p => p.Key.Contains("_C", StringComparison.Ordinal)))
            {
                values.zero_();
                if (parameter == "lora_Crow_0")
                {
                    values[0, 0] = norms[k];
                }
            }
        }
    }
}
