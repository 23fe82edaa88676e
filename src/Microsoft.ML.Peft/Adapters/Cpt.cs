using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Context-aware prompt tuning (CPT): the tokens of in-context examples, moved a little from the model's own vectors.</summary>
/// <remarks>
/// <para><c>p = E(context) + Δ</c>, each row of Δ held within ε·√(d/2048); rows of the examples' outputs do not move.</para>
/// <para>Shapes: E, Δ (n, d). Trains n·d numbers. Starts as the context itself. The loss counts the outputs of the examples and of the input,
/// older examples less by <see cref="CptOptions.Decay"/>.</para>
/// <para>A file holds E + Δ. Source: Blau et al. 2024, arXiv:2410.17222.</para>
/// </remarks>
public sealed class Cpt : PromptAdapter
{
    private const long Ignored = -100;
    private const double LeastRadius = 1e-10;
    private const double Rounding = 1e-5;

    private readonly Parameter prompt_embeddings; // (n, d): E, or E + Δ as read
    private readonly Parameter delta;             // (n, d)
    private readonly CptOptions _options;
    private readonly float[] _radius; // of each row
    private readonly Tensor _context; // (n, d): E
    private (Tensor Whole, Tensor Delta)? _file; // E + Δ as a file has it, and the Δ that came of it

    internal Cpt(CptOptions options, AdapterBuild build)
        : base("CPT", options.TokenIds.Count)
    {
        _options = options;
        prompt_embeddings = Frozen(TokenStart.Of(build.Backbone.InputEmbedding!, options.TokenIds));
        _context = prompt_embeddings.detach().clone().DetachFromDisposeScope();
        delta = Trainable(build.Initialization.Zeros(options.TokenIds.Count, options.TokenWidth!.Value));
        var unit = Math.Sqrt(options.TokenWidth.Value / 2048.0);
        _radius = [.. options.Types.Select(type => (float)(type <= 0 ? LeastRadius : (type % 4) switch
        {
            0 => LeastRadius,
            2 => options.Epsilon * unit,
            _ => options.FormatEpsilon * unit,
        }))];
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter == nameof(prompt_embeddings);

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter == nameof(prompt_embeddings);

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written()
        => [(nameof(prompt_embeddings), _file is { } file && delta.equal(file.Delta).all().item<bool>() ? file.Whole : prompt_embeddings.detach() + Inside())];

    /// <summary>Takes the context apart from what was trained, so that Δ stays within its radius if training goes on.</summary>
    /// <remarks>On a base with other vectors of the context, of which the file is further away than that, Δ starts at 0 again around what the file has, as in HF PEFT.</remarks>
    protected internal override void Loaded()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Forget();
        var moved = prompt_embeddings - _context;
        var isInside = moved.square().sum(1).sqrt().le(tensor(_radius, device: moved.device) * (1 + Rounding) + Rounding).all().item<bool>();
        if (isInside)
        {
            _file = (prompt_embeddings.detach().clone().DetachFromDisposeScope(), moved.clone().DetachFromDisposeScope());
            prompt_embeddings.copy_(_context);
            delta.copy_(moved);
        }
        else
        {
            delta.zero_();
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Vectors(ForwardContext context)
    {
        // The value is that of the row moved inside; the gradient is that of the row as it is, and none of the outputs' rows.
        var moves = tensor(_options.Types.Select(type => type % 4 == 0 ? 0f : 1f).ToArray(), device: delta.device).unsqueeze(1);
        var free = delta * moves;
        return (prompt_embeddings + free + (Inside() - free.detach())).unsqueeze(0);
    }

    /// <inheritdoc/>
    protected internal override (Tensor Labels, Tensor? Weights) Targets(Tensor labels, long length, ForwardContext context)
    {
        var rows = labels.size(0);
        var given = context.Inputs?.ExampleMask ?? full_like(labels, 4);
        var types = tensor(_options.Types.Select(type => (long)type).ToArray(), device: labels.device).expand(rows, length);
        var after = (_options.Types.Max() + 3) / 4 * 4; // behind the last example; kinds are remainders of 4
        var all = cat([types, where(given.gt(0), given + after, given)], 1);
        var ids = tensor(_options.TokenIds.Select(id => (long)id).ToArray(), device: labels.device).expand(rows, length);
        var counts = all.gt(0).logical_and(all.remainder(4).eq(0));
        var extended = cat([ids, labels], 1).masked_fill(counts.logical_not(), Ignored);
        return (extended, _options.Weighting == CptOptions.Decays ? Weights(all, counts) : ones_like(extended, ScalarType.Float32));
    }

    internal void MoveInside()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        delta.copy_(Inside());
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
        }

        base.Dispose(disposing);
    }

    private void Forget()
    {
        _file?.Whole.Dispose();
        _file?.Delta.Dispose();
        _file = null;
    }

    private Tensor Inside()
    {
        using var _ = no_grad();
        var radius = tensor(_radius, device: delta.device);
        return delta * (radius / maximum(delta.square().sum(1).sqrt(), radius)).unsqueeze(1);
    }

    // 1 for the last example of a row, then the factor once more for each one before it.
    private Tensor Weights(Tensor types, Tensor counts)
    {
        var (rows, length) = (types.size(0), types.size(1));
        var (flat, counted) = (types.cpu().contiguous().data<long>().ToArray(), counts.cpu().contiguous().data<bool>().ToArray());
        var weights = new float[rows * length];
        for (var row = 0L; row < rows; row++)
        {
            var places = Enumerable.Range((int)(row * length), (int)length);
            var examples = places.Where(k => counted[k]).Select(k => flat[k]).Distinct().OrderDescending().ToList();
            foreach (var place in places)
            {
                var back = examples.IndexOf(flat[place]);
                weights[place] = back < 0 ? 1 : (float)Math.Pow(_options.Decay, back);
            }
        }

        return tensor(weights, [rows, length], device: types.device);
    }
}
