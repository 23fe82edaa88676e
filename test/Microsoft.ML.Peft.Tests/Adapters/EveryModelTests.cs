using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Every method on every model family, with default settings where models of width 32 allow them.</summary>
[TestClass]
public sealed class EveryModelTests
{
    // Defaults made for wide layers, or settings without a default.
    private static readonly AdapterOptions[] s_small =
    [
        new BeftOptions { TargetModules = TargetModules.AllLinear },
        new C3aOptions { BlockSize = 8 },
        new CompacterOptions { ReductionFactor = 4 },
        new CptOptions { TokenIds = [5, 8] },
        new FourierFtOptions { Frequencies = 100 },
        new LinearBottleneckOptions { TargetModules = TargetModules.AllLinear, Placement = BottleneckPlacement.SeriesOutput },
        new LoCaOptions { Frequencies = 100 },
        new LoLduOptions { Rank = 2 },
        new MixtureOfShardsOptions { Rank = 2, EquivalentRank = 1, PrivateRank = 0 },
        new PfeifferOptions { ReductionFactor = 4 }, // two units may both be off
        new PsoftOptions { Rank = 8 },
        new RandLoraOptions { Rank = 8 },
        new RoAdOptions { GroupSize = 8 },
        new ShiraOptions { Rank = 2 },
        new TrainableTokensOptions { TokenIndices = [.. Enumerable.Range(5, 50)] },
        new VbLoraOptions { VectorLength = 8 },
        new WaveFtOptions { Coefficients = 100 },
    ];

    // What a method may say where it cannot be: prompts need tokens, biases and equal widths may not be there.
    private static readonly string[] s_reasons =
    [
        "goes on transformers over patches", "goes on decoders of the LLaMA line and on GPT-2", "continues text", "takes no tokens that are trained",
        "takes no keys that are trained", "has no biases that BitFit could train", "shares a basis between the layers", "has no input embedding",
        "which does not divide", "do not fit num_shards", "none of them has a bias",
    ];

    // What a merge may say: a bias has no place, an output layer shares its weight with the embedding.
    private static readonly string[] s_mergeReasons = ["a bias, which that layer does not have", "shares its weight with"];

    // The last token of its rows is too far from what stands before them.
    private const string WithNarrowWindow = "mixtral-window";

    private static readonly string[] s_few = ["bert-mlm", "llama", "swin", "t5", "wav2vec2"];

    private static IEnumerable<string> All => GoldenCase.In(GoldenFolder.Of(GoldenFolder.First)).Where(c => c.Adapter is null).Select(c => c.Model);

    public static IEnumerable<object[]> Few => All.Intersect(s_few).Select(model => new object[] { model });

    public static IEnumerable<object[]> Others => All.Except(s_few).Select(model => new object[] { model });

    [TestMethod]
    [DynamicData(nameof(Few))]
    public void Each_method_learns_merges_and_comes_back_or_says_why_not(string name) => Check(name);

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Others))]
    public void So_on_the_other_families(string name) => Check(name);

    private static void Check(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var golden = GoldenModel.Load(new(GoldenFolder.Of(GoldenFolder.First), name, null));
        var (bare, wrong, accepted) = (Loss(golden, null), new List<string>(), 0);
        foreach (var type in AdapterRegistry.Methods.Select(row => AdapterRegistry.OptionsOf(row.Name)).Where(type => type != typeof(XLoraOptions)))
        {
            using var inner = NewDisposeScope();
            var options = s_small.FirstOrDefault(small => small.GetType() == type) ?? (AdapterOptions)Activator.CreateInstance(type)!;
            try
            {
                using var adapter = AdapterSet.Create("default", options, golden.Model.Backbone, new CopiedModules([], []), seed: 2);
                accepted++;
                if (name == WithNarrowWindow && options.Method.Family == AdapterFamily.Prompt)
                {
                    continue;
                }

                wrong.AddRange(Faults(golden, adapter, bare).Select(fault => $"{options.Method.Name}: {fault}"));
            }
            catch (PeftException e) when (s_reasons.Any(reason => e.Message.Contains(reason, StringComparison.Ordinal)))
            {
            }
            catch (Exception e)
            {
                wrong.Add($"{options.Method.Name}: {e.GetType().Name}: {e.Message}");
            }
        }

        Assert.IsEmpty(wrong, string.Join(Environment.NewLine, wrong));
        Assert.IsGreaterThan(AdapterRegistry.Methods.Count() * 3 / 4, accepted);
    }

    private static IEnumerable<string> Faults(GoldenModel golden, AdapterSet adapter, float bare)
    {
        var parameters = adapter.TrainedParameters().Select(p => p.Parameter).ToList();
        using (no_grad())
        {
            parameters.ForEach(parameter => parameter.add_(randn_like(parameter).mul_(0.05)));
        }

        using (var context = ForwardContext.TrainingWith(3, adapter))
        {
            golden.Model.Head.Loss(golden.Forward(context), golden.Targets).backward();
        }

        if (parameters.Count(p => p.grad is not { } g || !g.isfinite().all().item<bool>() || !g.any().item<bool>()) is > 0 and var still)
        {
            yield return $"{still} of {parameters.Count} parameters have no gradient";
        }

        var moved = Loss(golden, adapter);
        if (moved == bare || !float.IsFinite(moved))
        {
            yield return $"the loss is {moved}, that of the base model {bare}";
        }

        if (adapter.Options!.CanMerge && Merged(golden, adapter) is { } merged && !(Math.Abs(merged - moved) < 1e-4 * Math.Max(1, Math.Abs(moved))))
        {
            yield return $"merged, the loss is {merged} instead of {moved}";
        }

        if (Loss(golden, null) != bare)
        {
            yield return "the base model is not what it was";
        }

        var folder = Directory.CreateTempSubdirectory("peft-every-").FullName;
        AdapterCheckpoint.Write(adapter, folder, golden.Model.Head.TaskType, "base");
        using var again = AdapterSet.Create("again", AdapterCheckpoint.ReadOptions(folder), golden.Model.Backbone, new CopiedModules([], []), seed: 7);
        AdapterCheckpoint.ReadTensors(again, folder);
        Directory.Delete(folder, recursive: true);
        if (Loss(golden, again) is var loaded && !(Math.Abs(loaded - moved) < 1e-5 * Math.Max(1, Math.Abs(moved))))
        {
            yield return $"read from its folder, the loss is {loaded} instead of {moved}";
        }
    }

    private static float? Merged(GoldenModel golden, AdapterSet adapter)
    {
        try
        {
            using var merged = adapter.Merge();
            return Loss(golden, null);
        }
        catch (PeftException e) when (s_mergeReasons.Any(reason => e.Message.Contains(reason, StringComparison.Ordinal)))
        {
            return null;
        }
    }

    private static float Loss(GoldenModel golden, AdapterSet? adapter)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(adapter is null ? [] : [adapter]);
        return golden.Model.Head.Loss(golden.Forward(context), golden.Targets).item<float>();
    }
}
