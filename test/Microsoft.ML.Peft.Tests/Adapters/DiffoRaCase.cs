using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Two blocks of three layers under DiffoRA, and what its tests do with them.</summary>
internal static class DiffoRaCase
{
    public static readonly string[] Names = ["q", "k", "v"];

    public static (DifferentialAdaptationMatrix Matrix, AdapterSet Set) Make(DiffoRaOptions options, LinearLayer[]? layers = null)
    {
        layers ??= [.. Enumerable.Range(0, 6).Select(k => new LinearLayer($"block.{k / 3}.{Names[k % 3]}", k, new DenseWeight(randn(4, 6)), randn(4)))];
        using var initialization = new Initialization(3);
        var parts = options.CreateParts(new AdapterBuild(layers, initialization)).ToList();
        return (parts.OfType<DifferentialAdaptationMatrix>().Single(), AdapterSet.Of("x", options, parts, layers.Length));
    }

    public static Tensor Loss(AdapterSet set, int batch)
        => set.Adapters.OfType<DiffoRa>().Select(part => (part.call(arange(12, ScalarType.Float32).view(2, 6).add(batch).sin()) - batch).square().mean()).Aggregate((a, b) => a + b);

    public static void SetLogits(DifferentialAdaptationMatrix matrix, params double[] values)
    {
        using var _ = no_grad();
        matrix.Logits.copy_(tensor(values).to(ScalarType.Float32));
        matrix.Refresh();
    }

    public static void Discretise(DifferentialAdaptationMatrix matrix, params bool[] chosen)
    {
        using var initialization = new Initialization(4);
        matrix.Discretise(chosen, initialization);
    }

    public static void Randomize(AdapterSet set)
    {
        using var _ = no_grad();
        foreach (var (parameter, _) in set.TrainedParameters())
        {
            nn.init.normal_(parameter, std: 0.5);
        }
    }

    public static Tensor Base(DiffoRa part, Tensor x) => nn.functional.linear(x, part.Layer.Weight.Dense(), part.Layer.Bias);
}
