using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Measures what the heads matter: gradient times number, by head, batch by batch.</summary>
internal sealed class HeatScores : IDisposable
{
    private const double Eps = 1e-8;

    private readonly HeatOptions _options;
    private readonly AdapterSet _adapter;
    private readonly List<HeadMask> _masks;
    private readonly Dictionary<int, GradientRecorder> _recorders = []; // by layer
    private readonly Dictionary<int, Lora> _lora = [];                  // by layer
    private readonly IReadOnlyDictionary<Lora, Tensor> _aside;
    private readonly AdapterSet _below;

    /// <summary>Prepares the measuring.</summary>
    /// <param name="options">What to measure.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="aside">What silent heads had in the rows of B that are zero now (out, r), or null for nothing.</param>
    public HeatScores(HeatOptions options, AdapterSet adapter, IReadOnlyDictionary<Lora, Tensor>? aside = null)
    {
        (_options, _adapter, _masks, _aside) = (options, adapter, HeatOptions.Masks(adapter), aside ?? new Dictionary<Lora, Tensor>());
        if (options.Strategy == HeadImportance.Weight)
        {
            foreach (var heads in _masks.Select(mask => mask.Heads))
            {
                IEnumerable<LinearLayer> layers = [heads.Query.Layer, heads.Key.Layer, heads.Value.Layer, .. options.IncludeOut ? [heads.Output] : Array.Empty<LinearLayer>()];
                foreach (var layer in layers.DistinctBy(layer => layer.Index))
                {
                    _recorders.Add(layer.Index, new GradientRecorder(layer));
                }
            }
        }

        foreach (var part in adapter.Adapters.OfType<Lora>())
        {
            _lora[part.Target.Index] = part;
        }

        if (options.Strategy == HeadImportance.Adapter && !_masks.Any(mask => LoraOf(mask.Heads).Any()))
        {
            throw new PeftException("The strategy 'adapter' measures LoRA on query and value, and the adapter is on neither; add them to the targets, or choose another strategy.");
        }

        _below = AdapterSet.Of("recorders", null, [.. _recorders.Values], adapter.LayerCount);
    }

    /// <summary>The scores of the heads of each block, normalised in the block.</summary>
    public double[][] Measure(TrainingRun run)
        => [.. Raw(run).Select(scores =>
        {
            var length = Math.Sqrt(scores.Sum(score => score * score));
            return Array.ConvertAll(scores, score => score / (length + Eps));
        })];

    /// <summary>The scores as they are, which can be compared between blocks.</summary>
    internal double[][] Raw(TrainingRun run)
    {
        using var scope = NewDisposeScope();
        var sums = _masks.Select(mask => zeros([mask.Heads.Heads], ScalarType.Float64)).ToArray();
        _masks.ForEach(mask => mask.Records = _options.Strategy == HeadImportance.Activation);
        try
        {
            var batches = 0;
            foreach (var measured in Passes())
            {
                _masks.ForEach(mask => mask.PassesGradients = _options.Strategy != HeadImportance.Activation && measured.Contains(mask));
                Clear();
                batches = run.EachLoss(
                    _options.ScoreBatchSize,
                    _options.ScoreBatches,
                    loss =>
                    {
                        loss.backward();
                        using (no_grad())
                        {
                            foreach (var mask in measured)
                            {
                                sums[_masks.IndexOf(mask)].add_(Of(mask));
                            }
                        }

                        Clear();
                    },
                    _below);
            }

            return [.. sums.Select(sum => sum.div_(batches).data<double>().ToArray())];
        }
        finally
        {
            _masks.ForEach(mask => (mask.Records, mask.PassesGradients) = (false, false));
            _masks.ForEach(mask => mask.Forget());
        }
    }

    public void Dispose() => _below.Dispose();

    // A silent head that passes gradients sends them to the blocks below, too, where they do not belong: each block with silent heads has a pass of its own.
    private IEnumerable<List<HeadMask>> Passes()
        => _options.Strategy == HeadImportance.Activation
            ? [_masks]
            : _masks.GroupBy(mask => mask.Applies && mask.Silent.Contains(true) ? mask.Block : -1).Select(pass => pass.ToList());

    private IEnumerable<(Lora Part, HeadRows Rows, bool ByKeyHead)> LoraOf(HeadMap heads) => HeatShares.Of(heads, _lora);

    // The score of a batch by head (heads), Float64.
    private Tensor Of(HeadMask mask)
    {
        using var scope = NewDisposeScope();
        var (sum, size) = _options.Strategy switch
        {
            HeadImportance.Activation => mask.TakeContribution(),
            HeadImportance.Weight => OfWeights(mask.Heads),
            _ => Total(mask.Heads, LoraOf(mask.Heads).Select(l => ByHead(l.Part.Factors.B.grad is { } g ? g * BeforeMask(l.Part) : null, mask.Heads, l.Rows, l.ByKeyHead))),
        };
        var score = _options.Reduction switch
        {
            HeadReduction.AbsSum => sum.abs(),
            HeadReduction.SumAbs => size,
            _ => sum.square(),
        };
        return score.to(ScalarType.Float64).cpu().MoveToOuterDisposeScope();
    }

    // B as if every head spoke, as S3 takes what heads give before the mask.
    private Tensor BeforeMask(Lora part) => _aside.TryGetValue(part, out var rows) ? part.Factors.B + rows : part.Factors.B;

    private (Tensor Sum, Tensor Size) OfWeights(HeadMap heads)
    {
        var (q, k, v) = (Product(heads.Query.Layer), Product(heads.Key.Layer), Product(heads.Value.Layer));
        List<(Tensor, Tensor)?> parts = [ByHead(q, heads, heads.Query, false), ByHead(k, heads, heads.Key, true), ByHead(v, heads, heads.Value, true)];
        if (_options.IncludeOut && Product(heads.Output) is { } columns)
        {
            var byHead = columns.view(columns.size(0), heads.Heads, heads.Size);
            parts.Add((byHead.sum([0L, 2L]), byHead.abs().sum([0L, 2L])));
        }

        return Total(heads, parts);

        Tensor? Product(LinearLayer layer) => _recorders[layer.Index].Sum is { } gradient ? gradient * layer.Weight.Dense().to(ScalarType.Float32) : null;
    }

    // Rows of gradient times number (out, n), added up by head; a key head counts for each of the heads that it serves.
    private static (Tensor Sum, Tensor Size)? ByHead(Tensor? product, HeadMap heads, HeadRows rows, bool byKeyHead)
    {
        if (product is null)
        {
            return null;
        }

        var index = tensor(
            Enumerable.Range(0, heads.Heads).SelectMany(h => Enumerable.Range(0, heads.Size).Select(d => rows.Of(byKeyHead ? heads.KeyHeadOf(h) : h) + d)).ToArray(),
            device: product.device);
        var chosen = product.index_select(0, index).view(heads.Heads, -1);
        return (chosen.sum(1), chosen.abs().sum(1));
    }

    private static (Tensor Sum, Tensor Size) Total(HeadMap heads, IEnumerable<(Tensor Sum, Tensor Size)?> parts)
    {
        var (sum, size) = (zeros(heads.Heads), zeros(heads.Heads));
        foreach (var part in parts)
        {
            if (part is { } known)
            {
                (sum, size) = (sum + known.Sum.cpu(), size + known.Size.cpu());
            }
        }

        return (sum, size);
    }

    private void Clear()
    {
        foreach (var (parameter, _) in _adapter.TrainedParameters())
        {
            parameter.grad = null;
        }

        foreach (var recorder in _recorders.Values)
        {
            foreach (var zero in recorder.parameters())
            {
                zero.grad = null;
            }
        }
    }
}
