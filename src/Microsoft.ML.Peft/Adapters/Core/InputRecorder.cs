using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Shows a caller what a linear layer is given, and changes nothing.</summary>
/// <param name="target">The layer.</param>
/// <param name="record">Called at each pass with the layer's input (tokens, in) and the context of the pass.</param>
internal sealed class InputRecorder(LinearLayer target, Action<Tensor, ForwardContext> record) : LinearAdapter(target)
{
    /// <summary>Every token is wanted, also where the model's output needs few of them.</summary>
    protected internal override bool ReadsOtherTokens => true;

    protected internal override Tensor Materialize(Tensor weight) => weight;

    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        using (no_grad())
        using (NewDisposeScope())
        {
            record(x.reshape(-1, x.size(-1)), below.Context);
        }

        return below.Forward(x);
    }
}
