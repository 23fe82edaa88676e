using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Training;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Each method trains a model, and its folder gives the same model again.</summary>
[TestClass]
public sealed class MethodTrainingTests
{
    private static readonly Dictionary<string, (AdapterOptions Options, double Rate)> s_methods = new(StringComparer.Ordinal)
    {
        ["LoRA from EVA"] = (new LoraOptions { Start = LoraStart.Eva, Eva = new() { Rho = 1 } }, 1e-2),
        ["LoRA from CorDA"] = (new LoraOptions { Rank = 4, Start = LoraStart.Corda }, 1e-2),
        ["LoRA from gradients"] = (new LoraOptions { Rank = 4, Start = LoraStart.LoraGa }, 1e-2),
        ["LoRA from LoftQ"] = (new LoraOptions { Start = LoraStart.LoftQ, LoftQ = new() { Iterations = 2 } }, 1e-2),
        ["LoRA from LoftQ, 8 bits, DoRA"] = (new LoraOptions { Start = LoraStart.LoftQ, LoftQ = new() { Bits = 8 }, UseDora = true }, 1e-2),
        ["(IA)³"] = (new Ia3Options(), 1e-2),
        ["LoHa"] = (new LoHaOptions { Rank = 4, RankDropout = 0.1, ModuleDropout = 0.1 }, 1e-2),
        ["LoKr"] = (new LoKrOptions { Rank = 2, DecomposeBoth = true, RankDropout = 0.1 }, 1e-2),
        ["VeRA"] = (new VeraOptions { Rank = 16, SaveProjection = false }, 1e-2),
        ["PVeRA"] = (new PVeraOptions { Rank = 16 }, 1e-2),
        ["RandLoRA"] = (new RandLoraOptions { Rank = 8, Alpha = 8 }, 1e-2),
        ["VB-LoRA"] = (new VbLoraOptions { VectorLength = 8, VectorCount = 16, SaveOnlyTopWeights = true }, 1e-2),
        ["Uni-LoRA"] = (new UniLoraOptions { VectorLength = 100, SaveIndices = true }, 1e-2),
        ["TinyLoRA"] = (new TinyLoraOptions { VectorLength = 8, Sharing = 0.5 }, 1e-2),
        ["AdaLoRA"] = (new AdaLoraOptions { InitialRank = 3, TargetRank = 1, FinalSteps = 4, Dropout = 0.1 }, 1e-2),
        ["TriAdaptLoRA"] = (new TriAdaptLoraOptions { ReferenceRank = 4, Interval = 4, Dropout = 0.1 }, 1e-2),
        ["DiffoRA"] = (new DiffoRaOptions { SearchSteps = 8, WarmupSearchSteps = 2, Dropout = 0.1 }, 1e-2),
        ["DiffoRA, second order"] = (new DiffoRaOptions { SearchSteps = 4, WarmupSearchSteps = 1, SecondOrder = true, SharesUnselected = false, StartsAnew = false, Relaxation = DiffoRaRelaxation.Sigmoid }, 1e-2),
        ["HEAT"] = (new HeatOptions { WarmupEpochs = 3, PrunedHeads = 1, RescoreEvery = 3 }, 1e-2),
        ["HEAT, as it comes"] = (new HeatOptions(), 1e-2),
        ["HEAT, delta"] = (new HeatOptions { WarmupEpochs = 2, PruneRatio = 0.5, Restart = true, Mask = HeadMasking.Delta, Strategy = HeadImportance.Adapter, Adapter = new LoraOptions { Rank = 4, Dropout = 0.1 } }, 1e-2),
        ["HEAT over AdaptFormer"] = (new HeatOptions { WarmupEpochs = 2, PrunedHeads = 1, Strategy = HeadImportance.Weight, IncludeOut = true, Adapter = new AdaptFormerOptions { Width = 8 } }, 1e-2),
        ["Pear"] = (new PearOptions { ScoreEpoch = 3, Checkpoint = PearCheckpoint.Mean, Adapter = new LoraOptions { Rank = 4, Dropout = 0.1 } }, 1e-2),
        ["Pear, as it comes"] = (new PearOptions(), 1e-2),
        ["Pear, distilled, over AdaptFormer"] = (new PearOptions { ScoreEpoch = 2, Checkpoint = PearCheckpoint.Distil, Restart = true, Adapter = new AdaptFormerOptions { Width = 8 } }, 1e-2),
        ["OFT"] = (new OftOptions { BlockSize = 8, BlockDropout = 0.2 }, 1e-2),
        ["OFT, constrained"] = (new OftOptions { BlockSize = 8, Constrained = true, Radius = 0.2, UsesSeries = false }, 1e-2),
        ["BOFT"] = (new BoftOptions { BlockSize = 4, Factors = 3, Dropout = 0.2 }, 1e-2),
        ["HRA"] = (new HraOptions(), 1e-2),
        ["RoAd"] = (new RoAdOptions { GroupSize = 8 }, 1e-2),
        ["C³A"] = (new C3aOptions { BlockSize = 8 }, 1e-2),
        ["LoCA"] = (new LoCaOptions { Frequencies = 100, LearnLocationSteps = 20 }, 1e-1),
        ["LoCA, locations saved"] = (new LoCaOptions { Frequencies = 100, SaveLocations = true, Mode = LoCaMode.Sparse }, 1e-1),
        ["TLoRA"] = (new TLoraOptions { Dropout = 0.1, OrthogonalWeight = 1e-3, TransformDecays = false }, 1e-2),
        ["TLoRA, rings"] = (new TLoraOptions { TransformRank = 2, Rank = 2, Residual = TLoraResidual.Tr, RingInitJitter = 1e-3, IdentityWeight = 1e-3 }, 1e-2),
        ["TLoRA, ring matrices"] = (new TLoraOptions { TransformRank = 2, Rank = 2, Residual = TLoraResidual.Trm, RankStabilized = false, Alpha = 2 }, 1e-2),
        ["Hydra"] = (new HydraOptions { ParallelRank = 2, SequentialRank = 2, UseBias = true, LearnsScale = true, Dropout = 0.1 }, 1e-2),
        ["DyLoRA"] = (new DyLoraOptions { Rank = 4, MasksStep = true, Ranks = DyLoraRanks.Geometric }, 1e-2),
        ["PaCA"] = (new PacaOptions { Rank = 4, Alpha = 4 }, 1e-2),
        ["PaCA, written through"] = (new PacaOptions { Rank = 4, Alpha = 4, WritesThrough = true, ChangeDecay = 0.01, Bias = "paca_only" }, 1e-2),
        ["LoLDU"] = (new LoLduOptions { Rank = 16, Alpha = 16 }, 1e-2),
        ["LoLDU, drawn"] = (new LoLduOptions { Rank = 16, Alpha = 16, Start = LoLduStart.Normal }, 1e-2),
        ["MoS"] = (new MixtureOfShardsOptions { Rank = 3, TargetModules = new[] { "query", "value" } }, 1e-2),
        ["Lily"] = (new LilyOptions { Rank = 4, Stride = 2 }, 1e-2),
        ["Lily, running"] = (new LilyOptions { Rank = 4, Evaluation = LilyEvaluation.Running, IgnoresPadding = true, Compact = true }, 1e-2),
        ["PEANuT"] = (new PeanutOptions { Rank = 4, Depth = 1, Scaling = 4 }, 1e-2),
        ["CLIP-SVD"] = (new ClipSvdOptions(), 1e-1),
        ["CLIP-SVD, factors saved"] = (new ClipSvdOptions { Format = ClipSvdFormat.Factors, DecaysTowardStart = true, RankBase = 1 }, 1e-1),
        ["CLIP-SVD, changes saved"] = (new ClipSvdOptions { Format = ClipSvdFormat.Dense }, 1e-1),
        ["Poly"] = (new PolyOptions { SplitCount = 2 }, 1e-2),
        ["LLM-Adapters"] = (new LinearBottleneckOptions { Width = 8, Placement = BottleneckPlacement.Parallel, LearnsScale = true, Dropout = 0.1, TargetModules = new[] { "query", "intermediate.dense" } }, 1e-2),
    };

    public static IEnumerable<object[]> Methods => s_methods.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void A_trained_adapter_comes_back_from_its_folder(string name)
    {
        using var folder = new TinyBert();
        var (options, rate) = s_methods[name];
        var rows = TinyBert.Words.Select((word, k) => new TextExample($"{word} {TinyBert.Words[(k + 3) % 10]}", k < 3 ? 0 : k < 6 ? 1 : 2)).ToArray();
        using var model = TextClassifier.Load(folder.Folder, new() { Labels = ["colour", "number", "animal"], Adapter = options });

        var report = Trainer.Fit(model, rows, new() { Epochs = 10, BatchSize = 5, LearningRate = rate });

        Assert.IsLessThan(report.EpochLosses[0], report.FinalLoss);
        Assert.IsEmpty(report.Notes, string.Join(' ', report.Notes));
        string[] texts = [.. rows.Select(row => row.Text)];
        var expected = model.Predict(texts);
        model.SaveAdapter(folder.PathOf("adapter"));
        using var loaded = TextClassifier.LoadAdapter(folder.Folder, folder.PathOf("adapter"), model.Settings with { Seed = 99 });
        var actual = loaded.Predict(texts);
        for (var row = 0; row < texts.Length; row++)
        {
            for (var k = 0; k < 3; k++)
            {
                Assert.AreEqual(expected[row][k], actual[row][k], 1e-5);
            }
        }
    }
}
