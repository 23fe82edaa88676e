using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A method that adds an update of which whole output rows, or all, can be dropped while training.</summary>
public abstract class DroppedUpdateAdapter : AdditiveAdapter
{
    private readonly double _rowDropout;
    private readonly double _updateDropout;

    private protected DroppedUpdateAdapter(LinearLayer target, double rowDropout, double updateDropout)
        : base(target) => (_rowDropout, _updateDropout) = (rowDropout, updateDropout);

    /// <summary>True to divide by the share of output rows that are kept.</summary>
    protected virtual bool RescalesRows => true;

    /// <summary>The update times x, without dropout: x (…, in) gives (…, out).</summary>
    protected abstract Tensor Product(Tensor x);

    /// <inheritdoc/>
    protected sealed override Tensor Correction(Tensor x, ForwardContext context)
    {
        var y = Product(x);
        return Rows(x, OutFeatures, _rowDropout, RescalesRows, context) is { } rows ? y * rows : y; // a row of the update is an output
    }

    /// <summary>Factors (out) of the rows of an update in a training pass, 0 for those that are dropped, or null where none are.</summary>
    internal static Tensor? Rows(Tensor like, long outputs, double dropout, bool rescales, ForwardContext context)
    {
        if (!context.Training || dropout == 0)
        {
            return null;
        }

        var rows = context.Dropout(ones(outputs, like.dtype, like.device), dropout);
        return rescales ? rows / rows.mean().clamp_min(1e-12) : rows * (1 - dropout);
    }

    /// <inheritdoc/>
    protected sealed override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
        => context.Chance(_updateDropout) ? output : output + Correction(x, context);
}
