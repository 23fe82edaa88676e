using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What the presets and default placements of LLM-Adapters train on models of the paper's sizes.</summary>
[TestClass]
public sealed class LlmAdapterCountTests
{
    private const long Llama7B = 6_738_415_616;

    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    // Layers of LLaMA-7B: (4096 → 4096) for q, k, v, (4096 → 11008) for gate and up, (11008 → 4096) for down; 32 blocks.
    [TestMethod]
    [DataRow(LlmAdapterKind.Series, 67_108_864L, 0.99)]
    [DataRow(LlmAdapterKind.Parallel, 247_463_936L, 3.54)]
    [DataRow(LlmAdapterKind.Lora, 56_098_816L, 0.83)]
    [DataRow(LlmAdapterKind.Prefix, 2_621_440L, 0.04)]
    public void LLaMA_7B_trains_the_papers_count(LlmAdapterKind kind, long count, double percent)
    {
        var options = LlmAdapters.Preset("llama", kind);
        var actual = options is PrefixTuningOptions prefix
            ? Trained(prefix with { TokenWidth = 4096, Heads = 32, Layers = 32 })
            : 32 * Trained(options, [.. options.TargetModules!.Names!.Select(Llama)]);

        Assert.AreEqual(count, actual);
        Assert.AreEqual(percent, 100.0 * count / (Llama7B + count), 0.005);
    }

    // The authors' table of trained numbers; 13B: (5120, 13824) and 40 blocks, BLOOM-7B 4096 and 30, GPT-J-6B 4096 and 28.
    [TestMethod]
    [DataRow("llama", BottleneckPlacement.Auto, 4096, 11008, 32, 200)]
    [DataRow("llama", BottleneckPlacement.SeriesOutput, 4096, 11008, 32, 66)]
    [DataRow("llama", BottleneckPlacement.Parallel, 4096, 11008, 32, 200)]
    [DataRow("llama", BottleneckPlacement.Auto, 5120, 13824, 40, 314)]
    [DataRow("llama", BottleneckPlacement.SeriesOutput, 5120, 13824, 40, 104)]
    [DataRow("bloom", BottleneckPlacement.Auto, 4096, 16384, 30, 125)]
    [DataRow("bloom", BottleneckPlacement.SeriesOutput, 4096, 16384, 30, 62)]
    [DataRow("bloom", BottleneckPlacement.Parallel, 4096, 16384, 30, 125)]
    [DataRow("gptj", BottleneckPlacement.Auto, 4096, 16384, 28, 117)]
    [DataRow("gptj", BottleneckPlacement.SeriesOutput, 4096, 16384, 28, 58)]
    [DataRow("gptj", BottleneckPlacement.Parallel, 4096, 16384, 28, 176)]
    public void Default_targets_train_the_authors_counts(string model, BottleneckPlacement placement, int hidden, int inner, int blocks, int millions)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        var options = new LinearBottleneckOptions { Placement = placement };
        var names = options.DefaultTargets(golden.Model.Backbone);
        var count = blocks * Trained(options, [.. names.Select(name => Shaped(name, hidden, inner))]);

        Assert.AreEqual(millions, count / 1e6, 1.5, string.Join(", ", names)); // the table's numbers are rounded in several ways
    }

    private static long Trained(AdapterOptions options, params LinearLayer[] layers)
        => MethodCase.Parts(options, layers).SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel());

    private static LinearLayer Llama(string name) => Shaped(name, 4096, 11008);

    private static LinearLayer Shaped(string name, long hidden, long inner)
    {
        var (inputs, outputs) = name switch
        {
            "query_key_value" => (hidden, 3 * hidden),
            "gate_proj" or "up_proj" or "dense_h_to_4h" or "fc_in" or "fc1" => (hidden, inner),
            "down_proj" or "dense_4h_to_h" or "fc_out" or "fc2" => (inner, hidden),
            _ => (hidden, hidden),
        };
        return new LinearLayer("block." + name, 0, new DenseWeight(zeros(1, 1).expand(outputs, inputs)), null); // no memory
    }
}
