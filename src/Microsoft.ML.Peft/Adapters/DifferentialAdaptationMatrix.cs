using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>What DiffoRA's layers have in common: the matrix that says which of them get a LoRA of their own, and the LoRAs of those that get none.</summary>
/// <remarks>The matrix has a row for a block and an entry for each of its candidates: while the search goes on a weight γ of 0 to 1 made of a logit α,
/// <c>γ = softmax(α)</c> over the row or <c>σ(α)</c>, afterwards 0 or 1.</remarks>
public sealed class DifferentialAdaptationMatrix : ModelAdapter
{
    private readonly DiffoRaOptions _options;
    private readonly List<DiffoRa> _candidates = [];
    private readonly List<(string Kind, Parameter A, Parameter B)> _shared = [];
    private Parameter? _logits; // (candidates), row by row
    private int[] _rows = []; // candidates of each row
    private Tensor? _gates;

    internal DifferentialAdaptationMatrix(DiffoRaOptions options)
        : base("DiffoRA") => _options = options;

    /// <summary>The candidates, row by row.</summary>
    public IReadOnlyList<DiffoRa> Candidates => _candidates;

    /// <summary>True once it is settled which layers have a LoRA of their own.</summary>
    public bool IsDiscrete { get; private set; }

    /// <summary>Logits α (candidates), row by row. The search trains them; the optimizer of the other parameters does not know them.</summary>
    internal Parameter Logits => _logits ?? throw new PeftException("The candidates of DiffoRA are still being collected.");

    /// <summary>Paths of the layers that have a LoRA of their own, in order; of every candidate while the search goes on.</summary>
    internal IReadOnlyList<string> Selected => [.. _candidates.Where(c => c.HasOwn).Select(c => c.Path)];

    /// <summary>Which pair each candidate has, by path: its own path, the name of one that its kind shares, or null for none.</summary>
    public IReadOnlyDictionary<string, string?> Pairs
        => _candidates.ToDictionary(c => c.Path, c => c.HasOwn ? c.Path : c.A is null ? null : $"diffora_shared.{c.Kind}", StringComparer.Ordinal);

    /// <summary>Makes a new adapter of the second stage for a model: LoRAs of the layers' own and shared ones, as they were selected here.</summary>
    /// <param name="model">The model that was searched, or one with the same layers.</param>
    /// <param name="name">Name of the adapter. Default <c>default</c>.</param>
    /// <param name="seed">Seed of the start values. Default 0.</param>
    /// <exception cref="PeftException">The search has not ended, or the model lacks a layer.</exception>
    public AdapterSet Apply(Backbone model, string name = "default", long seed = 0)
        => IsDiscrete ? AdapterSet.Create(name, _options with { SelectedModules = Selected }, model, new CopiedModules([], []), seed)
            : throw new PeftException("The search of DiffoRA has not ended: no layer is selected yet. Run it first.");

    /// <inheritdoc/>
    protected internal override string FileName(string parameter)
        => parameter.LastIndexOf('_') is > 0 and var end && int.TryParse(parameter[(end + 1)..], out var k)
            ? $"diffora_shared.{_shared[k].Kind}.{parameter[..end]}.weight"
            : parameter;

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "diffora_alpha" || !IsDiscrete;

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => IsSaved(parameter);

    /// <inheritdoc/>
    protected internal override void Loaded() => Refresh();

    /// <summary>Takes the candidates of the rows; to be called once.</summary>
    internal void Take(IReadOnlyList<IReadOnlyList<DiffoRa>> rows, Initialization initialization)
    {
        _rows = [.. rows.Select(row => row.Count)];
        _candidates.AddRange(rows.SelectMany(row => row));
        _logits = Frozen(initialization.Zeros(_candidates.Count));
        register_parameter("diffora_alpha", _logits);
    }

    /// <summary>The weight γ of a candidate (1).</summary>
    internal Tensor GateOf(DiffoRa candidate)
    {
        if (_gates is null)
        {
            Refresh();
        }

        return _gates!.narrow(0, _candidates.IndexOf(candidate), 1);
    }

    /// <summary>The weights γ of all candidates, row by row.</summary>
    internal Tensor Gates()
    {
        if (_options.Relaxation == DiffoRaRelaxation.Sigmoid)
        {
            return Logits.sigmoid();
        }

        var (pieces, start) = (new List<Tensor>(), 0);
        foreach (var count in _rows)
        {
            pieces.Add(Logits.narrow(0, start, count).softmax(0));
            start += count;
        }

        return cat(pieces);
    }

    /// <summary>Makes the weights of the logits as they are now, with a graph where the logits ask for one.</summary>
    internal void Refresh()
    {
        using var scope = NewDisposeScope();
        _gates?.Dispose();
        _gates = Gates().DetachFromDisposeScope();
    }

    /// <summary>Which candidates have the largest logits: <c>K = max(1, round(ρ·N))</c> of each row of N, or as many of the whole matrix; of equal ones the earlier.</summary>
    internal bool[] Largest()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var kept = _rows.Select(count => Math.Max(1, (int)Math.Round(_options.KeepRatio * count, MidpointRounding.AwayFromZero))).ToArray();
        if (_options.Selection == DiffoRaSelection.Global)
        {
            return Top(Gates().cpu().data<float>().ToArray(), kept.Sum()); // rows of other lengths have other weights
        }

        var logits = Logits.cpu().data<float>().ToArray();
        var chosen = new List<bool>();
        foreach (var (count, keep) in _rows.Zip(kept))
        {
            chosen.AddRange(Top(logits[chosen.Count..(chosen.Count + count)], keep));
        }

        return [.. chosen];

        static bool[] Top(float[] values, int count)
        {
            var best = Enumerable.Range(0, values.Length).OrderByDescending(k => values[k]).Take(count).ToHashSet();
            return [.. Enumerable.Range(0, values.Length).Select(best.Contains)];
        }
    }

    /// <summary>Settles which candidates have a LoRA of their own; the others of a kind share one, or have none.</summary>
    /// <param name="chosen">True for those that have, in the order of <see cref="Candidates"/>.</param>
    /// <param name="initialization">The stream of start values.</param>
    internal void Discretise(IReadOnlyList<bool> chosen, Initialization initialization)
    {
        for (var k = 0; k < _candidates.Count; k++)
        {
            if (chosen[k])
            {
                _candidates[k].KeepOwn(initialization);
            }
        }

        for (var k = 0; k < _candidates.Count; k++)
        {
            if (!chosen[k])
            {
                _candidates[k].Share(_options.SharesUnselected ? SharedOf(_candidates[k], initialization) : null);
            }
        }

        IsDiscrete = true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gates?.Dispose();
        }

        base.Dispose(disposing);
    }

    private (Parameter A, Parameter B) SharedOf(DiffoRa candidate, Initialization initialization)
    {
        var known = _shared.Find(pair => pair.Kind == candidate.Kind);
        if (known.A is null)
        {
            var (a, b) = candidate.NewPair(initialization);
            known = (candidate.Kind, a, b);
            register_parameter($"lora_A_{_shared.Count}", a);
            register_parameter($"lora_B_{_shared.Count}", b);
            _shared.Add(known);
        }

        return (known.A, known.B);
    }
}
