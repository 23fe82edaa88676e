using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>One matrix of every expert in one tensor (experts, out, in), with the adapters of the call on it: <c>y = x·W[e]ᵀ</c> for tokens of expert e.</summary>
/// <remarks>In Hugging Face's models it is a parameter of the module that holds all experts, no module of its own: <c>target_parameters</c> names it,
/// <c>target_modules</c> does not.</remarks>
public sealed class ExpertLayer : Layer
{
    private readonly IReadOnlyList<ExpertPiece>? _pieces;

    /// <param name="module">Path of the module.</param>
    /// <param name="name">Name of the parameter in it.</param>
    /// <param name="index">Place among the layers.</param>
    /// <param name="weight">(experts, out, in).</param>
    /// <param name="pieces">What a checkpoint that keeps the experts apart calls them; null where it has the one tensor.</param>
    internal ExpertLayer(string module, string name, int index, Tensor weight, IReadOnlyList<ExpertPiece>? pieces)
        : base($"{module}.{name}", index)
    {
        (Module, Weight, _pieces) = (module, weight, pieces);
        (Experts, OutFeatures, InFeatures) = (weight.size(0), weight.size(1), weight.size(2));
    }

    /// <summary>Path of the module that it is a parameter of.</summary>
    public string Module { get; }

    /// <summary>The frozen weights (experts, out, in).</summary>
    public Tensor Weight { get; }

    /// <summary>Count of experts.</summary>
    public long Experts { get; }

    /// <summary>Output features of each expert.</summary>
    public long OutFeatures { get; }

    /// <summary>Input features of each expert.</summary>
    public long InFeatures { get; }

    /// <inheritdoc/>
    public override bool IsParameter => true;

    /// <inheritdoc/>
    public override Tensor FrozenWeight => Weight;

    /// <summary>Opens the layer for a pass, with the adapters of the context on it.</summary>
    public ExpertCall Open(ForwardContext context) => ExpertCall.Open(this, context);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => [("", Weight)];

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> NamedTensors()
        => _pieces is null ? [(Path, Weight)] : _pieces.Select(piece => (piece.Name, piece.Of(Weight)));
}

/// <summary>Where the tensor of one expert in a checkpoint lies in the tensor of all.</summary>
/// <param name="Name">Its name in the checkpoint.</param>
/// <param name="Expert">The expert.</param>
/// <param name="Row">Its first row.</param>
/// <param name="Rows">Its count of rows.</param>
internal readonly record struct ExpertPiece(string Name, long Expert, long Row, long Rows)
{
    /// <summary>The piece (rows, in) of the whole; memory is shared.</summary>
    public Tensor Of(Tensor whole) => whole.select(0, Expert).narrow(0, Row, Rows);
}
