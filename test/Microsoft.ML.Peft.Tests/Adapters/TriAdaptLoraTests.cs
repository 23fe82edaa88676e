using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class TriAdaptLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new TriAdaptLoraOptions { InitialRank = 3, Alpha = 2 };

    protected override double Deviation => 0.5;

    protected override long TrainedNumbers(long inputs, long outputs) => (3 * (inputs + outputs)) + (2 * 3 * 3);

    [TestMethod]
    public void The_core_is_the_sum_of_two_triangles_of_blocks()
    {
        var part = Make(new() { InitialRank = 1 });
        part.Grow(2);
        Fill(part, "lora_Crow_0", 1);
        Fill(part, "lora_Ccol_0", 10);
        Fill(part, "lora_Crow_1", 100);
        Fill(part, "lora_Ccol_1", 1000);

        AssertClose(tensor(new float[,] { { 11, 1000, 1000 }, { 100, 1100, 1100 }, { 100, 1100, 1100 } }), part.Core);
    }

    [TestMethod]
    public void A_zero_core_learns_between_normal_factors_and_nothing_learns_between_zeros()
    {
        var part = Make(new() { InitialRank = 2 });
        part.call(Input()).square().sum().backward();
        Assert.IsTrue(Parameter(part, "lora_Crow_0").grad!.count_nonzero().item<long>() == 4 && Parameter(part, "lora_Ccol_0").grad!.count_nonzero().item<long>() == 4);

        // The start of the authors' file.
        var zero = Make(new() { InitialRank = 2 });
        Fill(zero, "lora_B_0", 0);
        zero.call(Input()).square().sum().backward();
        Assert.IsTrue(zero.parameters().All(parameter => parameter.grad!.count_nonzero().item<long>() == 0));
    }

    [TestMethod]
    [DataRow(TriAdaptStart.CoreZero)]
    [DataRow(TriAdaptStart.BZero)]
    public void Either_start_is_the_identity_and_scores_nothing_until_something_is_learned(TriAdaptStart start)
    {
        var part = Make(new() { InitialRank = 3, Start = start });

        Assert.AreEqual(0f, part.Delta().abs().max().item<float>());
        Assert.AreEqual(0, part.Evaluate());
        Assert.AreEqual(0, part.Evaluate());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Growing_adds_a_block_and_keeps_the_update_up_to_its_factor(bool rescales)
    {
        var part = Make(new() { InitialRank = 2, RescalesOnGrowth = rescales });
        Randomize(part);
        part.Evaluate();
        using var set = AdapterSet.Of("x", new TriAdaptLoraOptions(), [part], 1);
        using var optimizer = new FlatAdamW(set.TrainedParameters());
        var before = part.Delta().detach().clone();

        part.Grow(4);
        optimizer.Follow(set.TrainedParameters());

        Assert.AreEqual(6, part.Rank);
        Assert.AreEqual(2, optimizer.GroupCount);
        CollectionAssert.AreEqual(new long[] { 4, 6 }, Parameter(part, "lora_Crow_1").shape);
        CollectionAssert.AreEqual(new long[] { 6, 4 }, Parameter(part, "lora_Ccol_1").shape);
        AssertClose(rescales ? before : before * ((2 + 1e-5) / (6 + 1e-5)), part.Delta());
        Assert.IsLessThan(0, part.Evaluate(), "a layer that has just grown stands back");
    }

    [TestMethod]
    public void What_a_core_learns_is_its_score_by_blocks_or_by_rank()
    {
        var (blocks, rank) = (Make(new() { InitialRank = 3 }), Make(new() { InitialRank = 3, Divisor = TriAdaptDivisor.Rank }));
        Fill(blocks, "lora_Crow_0", 2);
        Fill(rank, "lora_Crow_0", 2);

        Assert.AreEqual(6, blocks.Evaluate(), 1e-6); // √(9·4)
        Assert.AreEqual(2, rank.Evaluate(), 1e-6);
    }

    [TestMethod]
    [DataRow(RankGrowth.Linear, false, "12@10 28@20 32@30")]
    [DataRow(RankGrowth.NonLinear, false, "8@10 12@20 20@30 28@40 36@50")]
    [DataRow(RankGrowth.NonLinear, true, "8@10 12@20 20@30 28@40 32@50")]
    [DataRow(RankGrowth.Fixed, false, "8@10 12@20 16@30 20@40 24@50 28@60 32@70")]
    public void Four_layers_grow_from_1_to_8_by_the_schedule(RankGrowth growth, bool strict, string expected)
    {
        var options = new TriAdaptLoraOptions { TotalSteps = 100, Interval = 10, Growth = growth, IsStrict = strict };
        var parts = Enumerable.Range(0, 4).Select(_ => Make(options)).ToList();
        using var training = new TriAdaptLoraTraining(options, parts);
        var totals = new List<string>();
        for (var step = 1; step <= 100; step++)
        {
            var before = parts.Sum(part => part.Rank);
            foreach (var (part, k) in parts.Select((part, k) => (part, k)))
            {
                Fill(part, "lora_Crow_0", step * step * (3.3 + (k * k))); // no two alike
            }

            training.AfterStep(new(step - 1, 100, 1e-3));
            if (parts.Sum(part => part.Rank) is var total && total > before)
            {
                totals.Add($"{total}@{step}");
            }
        }

        Assert.AreEqual(expected, string.Join(' ', totals));
    }

    [TestMethod]
    [DataRow(false, 4)]
    [DataRow(true, 2)]
    public void Layers_with_equal_scores_grow_together_unless_the_budget_is_strict(bool strict, int grown)
    {
        var options = new TriAdaptLoraOptions { TotalSteps = 10, TargetTotalRank = 12, IsStrict = strict };
        var parts = Enumerable.Range(0, 4).Select(_ => Make(options)).ToList();
        using var training = new TriAdaptLoraTraining(options, parts);

        training.AfterStep(new(9, 10, 1e-3));

        Assert.AreEqual(grown, parts.Count(part => part.Rank == 5));
    }

    [TestMethod]
    public void A_grown_layer_is_a_lora_of_its_rank()
    {
        var part = Make(new() { Alpha = 3 });
        part.Grow(2);
        Randomize(part);
        using var set = AdapterSet.Of("x", new TriAdaptLoraOptions(), [part], 1);

        using var lora = AdapterConversion.ToLora(set);

        Assert.AreEqual(3, ((LoraOptions)lora.Options!).Rank);
        var x = Input();
        AssertClose(part.call(x), ((Lora)lora.Adapters.Single()).call(x));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterConversion.ToLora(AdapterSet.Of("x", new LoHaOptions(), [MakeOther()], 1))).Message, "no product of two factors");
    }

    [TestMethod]
    public void A_run_that_goes_on_from_its_file_gives_the_same_numbers()
    {
        var options = new TriAdaptLoraOptions { ReferenceRank = 6, Interval = 3, TotalSteps = 20 };
        var (straight, half) = (Set(options), Set(options));
        Train(straight, 0, 10);
        Train(half, 0, 10);
        var folder = Directory.CreateTempSubdirectory("peft-triadapt-");
        try
        {
            AdapterCheckpoint.Write(half, folder.FullName, null, "none");
            var resumed = Set(AdapterCheckpoint.ReadOptions(folder.FullName));
            AdapterCheckpoint.ReadTensors(resumed, folder.FullName);
            Train(straight, 10, 10);
            Train(resumed, 10, 10);

            var (expected, actual) = (straight.Parameters().ToDictionary(), resumed.Parameters().ToDictionary());
            Assert.IsGreaterThan(8, expected.Count, "it has grown");
            CollectionAssert.AreEquivalent(expected.Keys, actual.Keys);
            Assert.IsTrue(expected.All(p => p.Value.bytes.SequenceEqual(actual[p.Key].bytes)));
            Assert.AreEqual(0, Scores(straight).Zip(Scores(resumed)).Count(pair => pair.First != pair.Second));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static IEnumerable<double> Scores(AdapterSet set) => set.Adapters.Cast<TriAdaptLora>().Select(part => part.PreviousScore);

        AdapterSet Set(AdapterOptions settings)
        {
            using var initialization = new Initialization(3);
            var layers = new[] { Layer(6, 6), new LinearLayer("block.1.query", 1, new DenseWeight(ones(4, 6)), null) };
            return AdapterSet.Of("x", settings, [.. settings.CreateParts(new AdapterBuild(layers, initialization))], 2);
        }

        static void Train(AdapterSet set, int first, int count)
        {
            using var optimizer = new FlatAdamW(set.TrainedParameters());
            using var training = set.Options!.CreateTraining(set)!;
            var x = arange(18, ScalarType.Float32).view(3, 6).sin();
            for (var step = first; step < first + count; step++)
            {
                var parts = set.Adapters.Cast<TriAdaptLora>().ToList();
                (parts[1].call(parts[0].call(x)).square().mean() + set.Penalty()!).backward();
                optimizer.Step(1e-2, 0, keepGradients: true);
                training.AfterStep(new(step, 20, 1e-2));
                optimizer.Follow(set.TrainedParameters());
            }
        }
    }

    [TestMethod]
    public void The_counts_of_the_blocks_are_met()
    {
        Assert.AreEqual(13_938, CountOf(768, 768, 1, 4, 4));
        Assert.AreEqual(114, CountOf(768, 768, 1, 4, 4) - (9 * 1536));
        Assert.AreEqual(72, CountOf(8, 8, 1, 1, 1, 1, 1, 1, 1, 1) - (8 * 16));

        static long CountOf(long inputs, long outputs, params int[] blocks)
        {
            using var initialization = new Initialization(0);
            var options = new TriAdaptLoraOptions { BlockSizes = new Dictionary<string, IReadOnlyList<int>> { ["block.0.query"] = blocks } };
            return new TriAdaptLora(Layer(inputs, outputs), options, new AdapterBuild([], initialization)).parameters().Sum(p => p.numel());
        }
    }

    private TriAdaptLora Make(TriAdaptLoraOptions options)
    {
        using var initialization = new Initialization(0);
        return new TriAdaptLora(Layer(), options, new AdapterBuild([], initialization));
    }

    private Adapter MakeOther()
    {
        using var initialization = new Initialization(0);
        return new LoHa(Layer(), new LoHaOptions(), new AdapterBuild([], initialization));
    }
}
