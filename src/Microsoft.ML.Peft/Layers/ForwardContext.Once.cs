using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

// What parts make of their parameters alone, which stays the same as long as a context for predicting is open.
public sealed partial class ForwardContext
{
    private Dictionary<(Adapter Part, string Name, ScalarType Type), Tensor>? _made;

    /// <summary>A tensor that a part makes of its parameters alone: once for a context that predicts, anew at each call while training and where gradients are wanted.</summary>
    /// <remarks>It belongs to the context, which frees it. Parameters must not change while a context for predicting is open.</remarks>
    /// <param name="part">The part.</param>
    /// <param name="name">What it is called within the part.</param>
    /// <param name="type">The type that is wanted.</param>
    /// <param name="make">Makes it, in any type.</param>
    public Tensor Once(Adapter part, string name, ScalarType type, Func<Tensor> make)
    {
        ArgumentNullException.ThrowIfNull(part);
        ArgumentNullException.ThrowIfNull(make);
        if (Training || is_grad_enabled())
        {
            var now = make();
            return now.dtype == type ? now : now.to(type);
        }

        _made ??= [];
        if (!_made.TryGetValue((part, name, type), out var made))
        {
            using var scope = NewDisposeScope();
            made = make();
            made = (made.dtype == type ? made.alias() : made.to(type)).DetachFromDisposeScope(); // an alias can be freed, a parameter not
            _made.Add((part, name, type), made);
        }

        return made;
    }

    private void DisposeMade()
    {
        foreach (var made in _made?.Values ?? Enumerable.Empty<Tensor>())
        {
            made.Dispose();
        }

        _made = null;
    }
}
