using System.Text.Json;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Peft.Golden;

/// <summary>Compares what several adapters on one model give: weighted combinations, rows of a batch through different adapters, two at once.</summary>
internal static class CombinationComparison
{
    private static readonly Dictionary<string, CombinationKind> s_kinds = new(StringComparer.Ordinal)
    {
        ["linear"] = CombinationKind.Linear,
        ["cat"] = CombinationKind.Cat,
        ["svd"] = CombinationKind.Svd,
        ["ties"] = CombinationKind.Ties,
        ["ties_svd"] = CombinationKind.TiesSvd,
        ["magnitude_prune"] = CombinationKind.MagnitudePrune,
        ["magnitude_prune_svd"] = CombinationKind.MagnitudePruneSvd,
    };

    /// <summary>True for a folder of such a case.</summary>
    public static bool Is(GoldenCase golden) => golden.Adapter is not null && File.Exists(Path.Combine(golden.Folder, "case.json"));

    public static List<Difference> Run(GoldenCase golden)
    {
        using var text = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.Folder, "case.json")));
        var settings = text.RootElement;
        using var model = GoldenModel.Load(golden with { Adapter = null });
        var expected = GoldenModel.ExpectedOf(golden);
        using var first = model.ReadAdapter(Path.Combine(golden.ModelFolder, "lora"), "a");
        using var second = model.ReadAdapter(Path.Combine(golden.ModelFolder, "lora-b"), "b");
        using var third = model.ReadAdapter(Path.Combine(golden.ModelFolder, "lora"), "c");
        using var _ = no_grad();
        foreach (var (name, parameter) in third.Parameters())
        {
            var leaf = name.LastIndexOf('.');
            if (expected.TryGetValue($"adapter_c.{name[..leaf]}.c{name[leaf..]}", out var values))
            {
                parameter.copy_(values);
            }
        }

        var weights = settings.GetProperty("weights").EnumerateArray().Select(w => w.GetDouble()).ToArray();
        var differences = new List<Difference>();
        foreach (var key in expected.Keys.Where(k => !k.StartsWith("adapter_c.", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var (kind, output) = (key[..key.IndexOf('.')], key[(key.IndexOf('.') + 1)..]);
            using var combined = s_kinds.TryGetValue(kind, out var type) ? Combine(type) : null;
            using var context = kind switch
            {
                "mixed_batch" => ForwardContext.ByRow([.. Enumerable.Range(0, (int)expected[key].size(0)).Select(row => (AdapterSet?[])[first, second, null]).SelectMany(r => r).Take((int)expected[key].size(0))]),
                "both_active" => ForwardContext.Predicting(first, second),
                _ => ForwardContext.Predicting(combined ?? throw new InvalidDataException($"'{kind}' is no combination that this tool knows.")),
            };
            var computed = model.Forward(context);
            var actual = output == "loss" ? model.Model.Head.Loss(computed, model.Targets).reshape(1) : computed[output];
            differences.Add(Difference.Of(key, output == "loss" ? expected[key].reshape(1) : expected[key], actual));
        }

        return differences;

        AdapterSet Combine(CombinationKind kind)
        {
            var factors = kind is CombinationKind.Linear or CombinationKind.Ties or CombinationKind.MagnitudePrune;
            var options = new CombinationOptions
            {
                Kind = kind,
                Density = settings.GetProperty("density").GetDouble(),
                SvdRank = settings.GetProperty("svd_rank").GetInt32(),
            };
            return AdapterCombination.Combine([first, factors ? third : second], weights, "combined", options);
        }
    }
}
