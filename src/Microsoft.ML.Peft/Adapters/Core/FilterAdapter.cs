using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A method of linear layers on a convolution, whose weight (out, in/g, k…) it takes as one filter (in/g·k…) for each output.</summary>
/// <remarks>The convolution is computed with the changed weight, as HF PEFT computes it after a merge.</remarks>
public sealed class FilterAdapter : WeightAdapter
{
    private const string Module = "filters";

    private readonly LinearLayer _filters;

    /// <summary>Puts a method on a convolution.</summary>
    /// <param name="target">The convolution.</param>
    /// <param name="create">Makes the method's part for the filters as a linear layer.</param>
    public FilterAdapter(Layer target, Func<LinearLayer, LinearAdapter> create)
        : base(target)
    {
        ArgumentNullException.ThrowIfNull(create);
        _filters = new LinearLayer(target.Path, target.Index, new DenseWeight(target.FrozenWeight!.flatten(1).DetachFromDisposeScope()), target.FrozenBias);
        Inner = create(_filters);
        register_module(Module, Inner);
    }

    /// <summary>The method's part.</summary>
    public LinearAdapter Inner { get; }

    /// <summary>A part itself, or the one inside it.</summary>
    public static Adapter Unwrapped(Adapter part) => part is FilterAdapter filters ? filters.Inner : part;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => Inner.FileName(Name(parameter));

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => Inner.IsSaved(Name(parameter));

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => Inner.IsRequired(Name(parameter));

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => Inner.GroupOf(Name(parameter));

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes) => Inner.Expect(shapes);

    /// <inheritdoc/>
    protected internal override void Loaded() => Inner.Loaded();

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => Inner.Materialize(weight.flatten(1)).reshape(weight.shape);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context) => Inner.Materialize(weight.flatten(1), context).reshape(weight.shape);

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias) => Inner.MaterializeBias(bias);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _filters.Weight.Dispose(); // a view of the convolution's own
        }
    }

    private static string Name(string parameter) => parameter.StartsWith(Module + ".", StringComparison.Ordinal) ? parameter[(Module.Length + 1)..] : parameter;
}
