using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>An adapter of a matrix that each expert of a mixture has: weight in, weight out, expert by expert, with an optional cheaper forward pass.</summary>
/// <remarks>A pass calls it only for experts that some token goes through, with the tokens of that expert. In files a tensor of the module that holds the
/// experts is named below the module's path; where further tensors of the module are adapted, HF PEFT has wrapped the module once for each, and every
/// wrapper around adds a level <c>base_layer</c>.</remarks>
public abstract class ExpertAdapter : LayerAdapter
{
    /// <summary>What HF PEFT calls the module that a wrapper holds.</summary>
    private const string Level = ".base_layer";

    private readonly int _wrappers;

    /// <summary>Puts the adapter on the matrices of all experts, which stay as they are.</summary>
    /// <param name="target">The matrices.</param>
    /// <param name="wrappers">Count of adapted tensors of the same module that come after this one.</param>
    protected ExpertAdapter(ExpertLayer target, int wrappers = 0)
        : base(target) => (Layer, _wrappers) = (target, wrappers);

    /// <summary>The layer below.</summary>
    public ExpertLayer Layer { get; }

    /// <summary>The weight (out, in) of one expert that the adapter makes of the weight below it.</summary>
    /// <param name="weight">(out, in).</param>
    /// <param name="expert">The expert, from 0.</param>
    protected internal abstract Tensor MaterializeExpert(Tensor weight, int expert);

    /// <summary>Begins a pass. Override where there is a cheaper way than the whole weight.</summary>
    /// <param name="below">The layer with the adapters below this one.</param>
    /// <returns>The adapted output of an expert: x (n, in), its tokens, gives (n, out).</returns>
    protected internal virtual Func<Tensor, int, Tensor> Begin(ExpertCall below)
        => (x, expert) => nn.functional.linear(x, InTypeOf(x, MaterializeExpert(below.Weight(expert), expert)));

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
        => stack([.. Enumerable.Range(0, (int)Layer.Experts).Select(expert => MaterializeExpert(weight.select(0, expert), expert))]);

    /// <inheritdoc/>
    protected internal override string FileKey(string prefix, string parameter)
        => $"{prefix}{Layer.Module}{string.Concat(Enumerable.Repeat(Level, _wrappers))}.{FileName(parameter)}";
}
