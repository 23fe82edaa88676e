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
        if (!context.Training || _rowDropout == 0)
        {
            return y;
        }

        // A row of the update is an output: the mask goes on the outputs.
        using var rows = context.Dropout(ones(OutFeatures, x.dtype, x.device), _rowDropout);
        return y * (RescalesRows ? rows / rows.mean().clamp_min(1e-12) : rows * (1 - _rowDropout));
    }

    /// <inheritdoc/>
    protected sealed override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
        => context.Chance(_updateDropout) ? output : output + Correction(x, context);
}
