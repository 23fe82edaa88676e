using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Where LoRA's factors start.</summary>
/// <param name="A">A (r, in).</param>
/// <param name="B">B (out, r).</param>
/// <param name="IsResidual">True if s·B·A was taken out of the base, so that the model starts as it was.</param>
/// <param name="TrainsA">False where A stays as it is.</param>
/// <param name="TrainsB">False where B stays as it is.</param>
/// <param name="IsRepeatable">False where the start cannot be made again from the base alone.</param>
internal readonly record struct LoraStartFactors(
    Tensor A, Tensor B, bool IsResidual = false, bool TrainsA = true, bool TrainsB = true, bool IsRepeatable = true);

/// <summary>Computes the start of LoRA's factors from the weight and random numbers.</summary>
internal static class LoraStarts
{
    /// <summary>The factors of a start; those that are measured on training rows begin as the identity.</summary>
    /// <exception cref="PeftException">The rank does not fit the layer or the start, or a file's start is not known.</exception>
    public static LoraStartFactors Of(LoraOptions options, string path, Tensor weight, int rank, double scale, Initialization random)
    {
        var start = options.Start;
        var (outputs, inputs) = (weight.size(0), weight.size(1));
        if (start == LoraStart.Gaussian)
        {
            return new(random.Normal(1.0 / rank, rank, inputs), random.Zeros(outputs, rank));
        }

        if (options.IsStored && (start == LoraStart.Corda || start == LoraStart.LoraGa))
        {
            throw new PeftException(
                $"The adapter's init_lora_weights is '{start}': it stands on a base model from which its start was taken out, and its files do not say what that start "
                + "was. Write it by HF PEFT's save_pretrained with path_initial_model_for_weight_conversion; or, if the base model here is the changed one, "
                + "set init_lora_weights to true in adapter_config.json.");
        }

        if (start == LoraStart.Default || start == LoraStart.Random || start.IsMeasured)
        {
            // The authors' code draws A like this, not by the normal law of the paper; HF PEFT and we follow the code.
            var a = random.KaimingUniform(rank, inputs);
            return new(a, start == LoraStart.Random ? random.KaimingUniform(outputs, rank) : random.Zeros(outputs, rank));
        }

        if (start == LoraStart.Orthogonal)
        {
            return Orthogonal(path, outputs, inputs, rank, random);
        }

        RequireDirections(start, path, weight, rank);
        var matrix = weight.to(ScalarType.Float32);
        if (start == LoraStart.Olora)
        {
            var (q, upper) = linalg.qr(matrix);
            return new(upper.narrow(0, 0, rank), q.narrow(1, 0, rank), IsResidual: true);
        }

        if (start.Iterations is { } iterations)
        {
            var fast = LowRankSvd.Of(matrix, random.Normal(1, Math.Min(outputs, inputs), rank), iterations);
            return Residual(fast.U, fast.S, fast.Vh, scale) with { IsRepeatable = false };
        }

        var (u, values, vh) = linalg.svd(matrix, fullMatrices: false);
        if (start == LoraStart.Mica)
        {
            return new(random.Zeros(rank, inputs), u.narrow(1, u.size(1) - rank, rank), TrainsB: false);
        }

        return Residual(u.narrow(1, 0, rank), values.narrow(0, 0, rank), vh.narrow(0, 0, rank), scale);
    }

    /// <summary><c>A = √(S/s)·Vᵀ, B = U·√(S/s)</c>, so that s·B·A = U·S·Vᵀ, which is taken out of the base.</summary>
    /// <param name="u">U (out, r).</param>
    /// <param name="values">S (r).</param>
    /// <param name="vh">Vᵀ (r, in).</param>
    /// <param name="scale">s.</param>
    public static LoraStartFactors Residual(Tensor u, Tensor values, Tensor vh, double scale)
    {
        var root = values.div(scale).sqrt();
        return new(root.unsqueeze(1) * vh, u * root, IsResidual: true);
    }

    /// <summary>Refuses a rank above the smaller side of the layer.</summary>
    /// <exception cref="PeftException">The rank is too large.</exception>
    public static void RequireDirections(LoraStart start, string path, Tensor weight, int rank)
    {
        var (outputs, inputs) = (weight.size(0), weight.size(1));
        if (rank > Math.Min(outputs, inputs))
        {
            throw new PeftException($"The start '{start}' takes r directions of a weight, and '{path}' ({outputs} × {inputs}) has {Math.Min(outputs, inputs)}; r is {rank}.");
        }
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
