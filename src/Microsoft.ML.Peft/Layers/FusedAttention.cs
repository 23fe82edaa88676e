using Microsoft.ML.Peft.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>libtorch's own attention kernel, which keeps no matrix of scores.</summary>
internal static class FusedAttention
{
    private const float LowestHalf = -60000; // still finite in Float16
    private const float Lowest = -1e38f;     // still finite in BFloat16

    /// <summary>True where the kernel is the better way: on a GPU, unless weights are to be dropped, which it would draw from a
    /// generator that is not the run's.</summary>
    public static bool Takes(Tensor query, double dropout, ForwardContext context) => query.is_cuda && (dropout == 0 || !context.Training);

    /// <summary><c>softmax(scale·q·kᵀ + mask)·v</c> for each head.</summary>
    /// <param name="query">(batch, heads, queries, d).</param>
    /// <param name="key">(batch, key heads, keys, d), with key heads a divisor of heads.</param>
    /// <param name="value">(batch, key heads, keys, d).</param>
    /// <param name="mask">What is added to the scores, (batch, heads, queries, keys), or null.</param>
    /// <param name="causal">True to hide the keys after each query; then there is no mask.</param>
    /// <param name="scale">Factor of the scores.</param>
    /// <returns>(batch, heads, queries, d).</returns>
    public static Tensor Forward(Tensor query, Tensor key, Tensor value, Tensor? mask, bool causal, double scale)
    {
        mask = mask?.clamp_min(query.dtype == ScalarType.Float16 ? LowestHalf : Lowest).to(query.dtype);
        var shared = query.size(1) / key.size(1);
        var fused = BoxedOperators.Attention;
        if (shared > 1 && (mask is not null || fused is null))
        {
            // The kernels that take a mask know no shared key heads.
            (key, value, shared) = (Repeated(key, shared), Repeated(value, shared), 1);
        }

        return fused is null
            ? nn.functional.scaled_dot_product_attention(query.mul(scale * Math.Sqrt(query.size(3))), key, value, mask, is_casual: causal)
            : fused.Call(query, key, value, mask, 0.0, causal, scale, shared > 1);
    }

    private static Tensor Repeated(Tensor x, long times)
        => x.unsqueeze(2).expand(-1, -1, times, -1, -1).flatten(1, 2);
}
