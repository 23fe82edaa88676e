using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Claims.LlmAdapters;

/// <summary>LLM-Adapters (Hu et al. 2023, arXiv:2304.01933): on a decoder LoRA and parallel adapters do best, series adapters follow, prefixes come last, and the best comes near to
/// training the whole model.</summary>
/// <remarks>debian-sections on llama-docs, 500 rows, where the specification has additions on a decoder of its own; --models must name a folder with llama-docs. The paper's placements
/// (<c>LlmAdapters.Preset</c>) at sizes of equal count: LoRA of rank 8, series adapters 52 wide, parallel ones 13 wide, 159,744 numbers each; a prefix of 10 tokens. Full training
/// is that of all linear layers of the blocks.</remarks>
internal sealed class LlmAdaptersClaim : IClaim
{
    private const string Model = "llama-docs";
    private const string Architecture = "llama";
    private const int Rows = 500;
    private const int Epochs = 5;

    public string Method => "llm-adapters";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var task = new TextTask(settings, Rows, Model);
        var lora = Train((LoraOptions)Preset(LlmAdapterKind.Lora) with { Rank = 8, Alpha = 16, Dropout = 0 }, TextArm.UsualRates);
        var parallel = Train((LinearBottleneckOptions)Preset(LlmAdapterKind.Parallel) with { Width = 13 }, TextArm.UsualRates);
        var series = Train((LinearBottleneckOptions)Preset(LlmAdapterKind.Series) with { Width = 52 }, TextArm.UsualRates);
        var prefix = Train(Preset(LlmAdapterKind.Prefix), [1e-2, 3e-2, 1e-1]);
        var full = Train(
            new LnTuningOptions { TargetModules = new[] { "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj" } }, [1e-4, 3e-4, 1e-3]);
        TextArm[] equal = [lora, parallel, series];

        yield return new(
            Method,
            "debian-sections with 500 rows on llama-docs (in place of additions on a decoder of its own): LoRA and parallel adapters are within 3 points of each other, series adapters are not better than the better of them, and a prefix is at least 5 points below the worst of the three",
            $"LoRA {lora}, parallel {parallel}, series {series}, prefix {prefix}",
            ClaimResult.Of(
                Math.Abs(lora.Above(parallel).Mean) <= 3,
                series.Accuracy.Mean <= Math.Max(lora.Accuracy.Mean, parallel.Accuracy.Mean),
                prefix.Accuracy.Mean <= equal.Min(arm => arm.Accuracy.Mean) - 5,
                equal.Max(arm => arm.Trained) <= 1.1 * equal.Min(arm => arm.Trained)));
        var best = equal.MaxBy(arm => arm.Accuracy.Mean)!;
        yield return new(
            Method,
            "there the best of them is within 3 points of full training",
            string.Create(CultureInfo.InvariantCulture, $"{best.Above(full).ToString("F1")} points with a {(double)full.Trained / best.Trained:F0}th of the numbers: full training {full}"),
            ClaimResult.Of(best.Above(full).Mean >= -3));

        TextArm Train(AdapterOptions options, double[] rates) => TextArm.Train(task, settings, options, rates, Epochs);
    }

    private static AdapterOptions Preset(LlmAdapterKind kind) => Microsoft.ML.Peft.Adapters.LlmAdapters.Preset(Architecture, kind);
}
