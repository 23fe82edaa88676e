using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Quantization;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Rounds a weight and starts LoRA's factors with what the rounding lost.</summary>
internal static class LoftQStart
{
    /// <summary>The parts of a layer: its weight as it is rounded, and LoRA or DoRA on that.</summary>
    /// <exception cref="PeftException">It is no linear layer.</exception>
    public static Adapter[] Parts(Layer layer, LoraOptions options, AdapterBuild build, InvocationGate? gate)
    {
        if (layer is not LinearLayer linear)
        {
            throw new PeftException($"The start 'loftq' rounds the weights of linear layers, and '{layer.Path}' is none; leave it out of the targets.");
        }

        using var scope = NewDisposeScope();
        var (rounded, start) = Of(layer.Path, linear.Weight.Dense(), options.RankAndAlphaOf(layer.Path).Rank, options.LoftQ ?? new());
        return [new RoundedWeight(linear, rounded), options.UseDora ? new Dora(linear, options, build, rounded, start) : new Lora(linear, options, build, gate, start)];
    }

    /// <summary>Q (out, in), Float32, and the factors.</summary>
    /// <param name="path">Path of the layer, for messages.</param>
    /// <param name="weight">W (out, in).</param>
    /// <param name="rank">r.</param>
    /// <param name="options">Bits and iterations.</param>
    /// <exception cref="PeftException">The rank is above the smaller side of the layer.</exception>
    public static (Tensor Rounded, LoraStartFactors Start) Of(string path, Tensor weight, int rank, LoftQOptions options)
    {
        LoraStarts.RequireDirections(LoraStart.LoftQ, path, weight, rank);
        using var _ = no_grad();
        var whole = weight.to(ScalarType.Float32);
        var rounded = Round(whole, options.Bits);
        var start = Lost();
        for (var k = 1; k < options.Iterations; k++)
        {
            rounded = Round(whole - start.B.mm(start.A), options.Bits);
            start = Lost();
        }

        return (rounded, start);

        LoraStartFactors Lost()
        {
            var (u, values, vh) = linalg.svd(whole - rounded, fullMatrices: false);
            var root = values.narrow(0, 0, rank).sqrt();
            return new(root.unsqueeze(1) * vh.narrow(0, 0, rank), u.narrow(1, 0, rank) * root);
        }
    }

    private static Tensor Round(Tensor matrix, int bits)
    {
        if (bits == 8)
        {
            var (codes, scales) = RowInt8.Quantize(matrix);
            return RowInt8.Dequantize(codes, scales);
        }

        using var numbers = Nf4.Quantize(matrix);
        return numbers.Dequantize();
    }
}
