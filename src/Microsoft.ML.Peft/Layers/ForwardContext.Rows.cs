using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

// A batch whose rows go through different adapters: the rows of each adapter are computed together wherever one of them acts.
public sealed partial class ForwardContext
{
    private readonly RowPart[]? _parts;
    private readonly int _rowCount;
    private readonly long[] _order = []; // place of each row in the parts laid end to end
    private Tensor? _back;

    private ForwardContext(IReadOnlyList<AdapterSet?> rows)
        : this([], null)
    {
        Adapters = [.. rows.OfType<AdapterSet>().Distinct()];
        _rowCount = rows.Count;
        _parts = [.. Enumerable.Range(0, rows.Count).GroupBy(k => rows[k]).Select(part => new RowPart(
            part.Key is null ? Predicting() : Predicting(part.Key), [.. part.Select(k => (long)k)]))];
        _order = new long[rows.Count];
        var place = 0L;
        foreach (var row in _parts.SelectMany(part => part.Rows))
        {
            _order[row] = place++;
        }
    }

    /// <summary>A context for predicting a batch whose rows go through different adapters.</summary>
    /// <param name="rows">The adapter of each row of the batch; null for the bare base model.</param>
    /// <exception cref="ArgumentException">There is no row.</exception>
    /// <exception cref="PeftException">A method cannot share a batch with others.</exception>
    public static ForwardContext ByRow(IReadOnlyList<AdapterSet?> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0)
        {
            throw new ArgumentException("There are no rows; give the adapter of each row of the batch, or null for the base model.", nameof(rows));
        }

        foreach (var set in rows.OfType<AdapterSet>().Distinct())
        {
            if (set.Options is { MixesInBatch: false } options)
            {
                throw new PeftException($"The adapter '{set.Name}' is of the method {options.Method.Name}{(options.Method.MixesInBatch ? " with these settings" : "")}, which cannot share a batch with others; give it a batch of its own.");
            }
        }

        return rows.Distinct().Count() == 1 ? (rows[0] is { } only ? Predicting(only) : Predicting()) : new(rows);
    }

    /// <summary>True where rows must be taken apart at a layer.</summary>
    internal bool Divides(Layer layer)
    {
        foreach (var part in _parts ?? [])
        {
            if (part.Context.AdaptersOf(layer) is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Computes the rows of each adapter together.</summary>
    /// <param name="x">(rows·k, …).</param>
    /// <param name="forward">What to compute of some rows in their own context.</param>
    /// <returns>(rows·m, …).</returns>
    internal Tensor ByRows(Tensor x, Func<Tensor, ForwardContext, Tensor> forward)
        => ByRows(x, (rows, context, _) => forward(rows, context));

    private Tensor ByRows(Tensor x, Func<Tensor, ForwardContext, Func<Tensor, Tensor>, Tensor> forward)
    {
        var results = new Tensor[_parts!.Length];
        for (var k = 0; k < results.Length; k++)
        {
            var part = _parts[k];
            Tensor Select(Tensor whole) => Rows(whole).index_select(0, part.Index(whole.device)).flatten(0, 1);
            results[k] = forward(Select(x), part.Context, Select);
        }

        _back ??= tensor(_order, device: x.device).DetachFromDisposeScope();
        return Rows(cat(results)).index_select(0, _back).flatten(0, 1);
    }

    private Tensor Rows(Tensor x)
    {
        var shape = x.shape;
        if (shape[0] % _rowCount != 0)
        {
            throw new PeftException($"A layer got {shape[0]} rows, which {_rowCount} rows of a batch do not divide; this model cannot take rows with different adapters.");
        }

        return x.reshape([_rowCount, shape[0] / _rowCount, .. shape.AsSpan(1)]);
    }

    private bool Divides(BlockPoint point, int block) => _parts!.Any(part => part.Context._byBlock.ContainsKey((point, block)));

    private void EnterParts(ModelInputs inputs)
    {
        if (_parts is not null && inputs.RowCount != _rowCount)
        {
            throw new ArgumentException($"The batch has {inputs.RowCount} rows and there are adapters for {_rowCount} rows; give one adapter for each row.");
        }

        foreach (var part in _parts ?? [])
        {
            part.Context.Enter(inputs.Rows(part.Rows));
        }
    }

    private void DisposeParts()
    {
        _back?.Dispose();
        foreach (var part in _parts ?? [])
        {
            part.Context.Dispose();
            part.Dispose();
        }
    }

    /// <summary>The rows of one adapter.</summary>
    private sealed class RowPart(ForwardContext context, long[] rows) : IDisposable
    {
        private Tensor? _index;

        public ForwardContext Context => context;

        public long[] Rows => rows;

        public Tensor Index(Device device) => _index ??= tensor(rows, device: device).DetachFromDisposeScope();

        public void Dispose() => _index?.Dispose();
    }
}
