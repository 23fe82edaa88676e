using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Native;

/// <summary>Operators of newer libtorch versions that TorchSharp has no method for; null where this libtorch has them not.</summary>
internal static class BoxedOperators
{
    private static readonly Lazy<BoxedOperator?> s_attention = new(() => Find("aten::scaled_dot_product_attention", op =>
    {
        using var one = ones(1, 1, 1, 1);
        op.Call(one, one, one, null, 0.0, true, 1.0, false).Dispose();
    }));

    private static readonly Lazy<BoxedOperator?> s_rmsNorm = new(() => Find("aten::rms_norm", op =>
    {
        using var one = ones(1);
        op.Call(one, BoxedArgument.Size(1), one, 1e-6).Dispose();
    }));

    /// <summary>Attention with a scale and shared key heads (2.5 and newer): query, key, value, mask, dropout, causal, scale, shared.</summary>
    public static BoxedOperator? Attention => s_attention.Value;

    /// <summary>Root-mean-square norm (2.4 and newer): input, shape, weight, eps.</summary>
    public static BoxedOperator? RmsNorm => s_rmsNorm.Value;

    // The arguments changed between versions: one call shows whether they are those we know.
    private static BoxedOperator? Find(string name, Action<BoxedOperator> tried)
    {
        if (!Bridge.IsAvailable)
        {
            return null;
        }

        try
        {
            using var _ = no_grad();
            var found = new BoxedOperator(name);
            tried(found);
            return found;
        }
        catch (ExternalException)
        {
            return null;
        }
    }
}
