using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Where LoRA's factors start.</summary>
/// <param name="A">A (r, in).</param>
/// <param name="B">B (out, r).</param>
/// <param name="IsResidual">True if s·B·A was taken out of the base, so that the model starts as it was.</param>
/// <param name="TrainsA">False where A stays as it is.</param>
/// <param name="TrainsB">False where B stays as it is.</param>
internal readonly record struct LoraStartFactors(Tensor A, Tensor B, bool IsResidual = false, bool TrainsA = true, bool TrainsB = true);

/// <summary>Computes the start of LoRA's factors from the weight and random numbers.</summary>
internal static class LoraStarts
{
    /// <summary>The factors of a start.</summary>
    /// <exception cref="PeftException">The rank does not fit the layer or the start.</exception>
    public static LoraStartFactors Of(LoraStart start, string path, Tensor weight, int rank, double scale, Initialization random)
    {
        var (outputs, inputs) = (weight.size(0), weight.size(1));
        if (start == LoraStart.Gaussian)
        {
            return new(random.Normal(1.0 / rank, rank, inputs), random.Zeros(outputs, rank));
        }

        if (start == LoraStart.Default || start == LoraStart.Random)
        {
            // The authors' code draws A like this, not by the normal law of the paper; HF PEFT and we follow the code.
            var a = random.KaimingUniform(rank, inputs);
            return new(a, start == LoraStart.Random ? random.KaimingUniform(outputs, rank) : random.Zeros(outputs, rank));
        }

        if (start == LoraStart.Orthogonal)
        {
            return Orthogonal(path, outputs, inputs, rank, random);
        }

        if (rank > Math.Min(outputs, inputs))
        {
            throw new PeftException($"The start '{start}' takes r directions of a weight, and '{path}' ({outputs} × {inputs}) has {Math.Min(outputs, inputs)}; r is {rank}.");
        }

        var matrix = weight.to(ScalarType.Float32);
        if (start == LoraStart.Olora)
        {
            var (q, upper) = linalg.qr(matrix);
            return new(upper.narrow(0, 0, rank), q.narrow(1, 0, rank), IsResidual: true);
        }

        var (u, values, vh) = linalg.svd(matrix, fullMatrices: false);
        if (start == LoraStart.Mica)
        {
            return new(random.Zeros(rank, inputs), u.narrow(1, u.size(1) - rank, rank), TrainsB: false);
        }

        var root = values.narrow(0, 0, rank).div(scale).sqrt();
        return new(root.unsqueeze(1) * vh.narrow(0, 0, rank), u.narrow(1, 0, rank) * root, IsResidual: true);
    }

    // A random rotation of the r directions: its odd rows carry A and its even rows carry B, so that B·A = 0.
    private static LoraStartFactors Orthogonal(string path, long outputs, long inputs, int rank, Initialization random)
    {
        if (rank % 2 != 0)
        {
            throw new PeftException($"The start 'orthogonal' needs an even rank; r is {rank} on '{path}'.");
        }

        var rotation = linalg.qr(random.Normal(1, rank, rank)).Item1;
        var pairs = rotation.view(rank / 2, 2, rank);
        var a = random.Normal(1, inputs, rank / 2).mm(pairs.select(1, 1)).t().div(10);
        var b = random.Normal(1, rank / 2, outputs).t().mm(pairs.select(1, 0)).div(10);
        return new(a, b);
    }
}
