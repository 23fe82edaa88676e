using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Training;

/// <summary>The rows of a <see cref="TrainingLead"/>: those that it holds back, drawn by its seed, and the batches of both parts.</summary>
internal sealed class RowSplit
{
    private readonly Func<int[], BatchPlan> _plan;

    /// <summary>Splits rows.</summary>
    /// <param name="lead">The share that is held back, and its seed.</param>
    /// <param name="rows">Count of rows.</param>
    /// <param name="plan">Cuts some rows into batches.</param>
    /// <exception cref="PeftException">Nothing would be left on one side.</exception>
    public RowSplit(TrainingLead lead, int rows, Func<int[], BatchPlan> plan)
    {
        Guard.AtLeast(lead.Steps, 1);
        Guard.InRange(lead.HeldBack, 0.0, 0.99);
        var order = Enumerable.Range(0, rows).ToArray();
        new Random(unchecked((int)(lead.Seed ^ (lead.Seed >> 32)))).Shuffle(order);
        var count = (int)(lead.HeldBack * rows);
        if (lead.HeldBack > 0 && (count == 0 || count == rows))
        {
            throw new PeftException($"The training data has {rows} rows, of which the method holds {lead.HeldBack:P0} back; that leaves nothing on one side, so give more rows.");
        }

        (_plan, HeldBack) = (plan, order[..count]);
        Steps = Endless(order[count..]).Take(checked((int)lead.Steps));
    }

    /// <summary>The rows that are held back, as indices.</summary>
    public IReadOnlyList<int> HeldBack { get; }

    /// <summary>The batches of the steps, without the rows that are held back.</summary>
    public IEnumerable<int[]> Steps { get; }

    /// <summary>Batches of the rows that are held back, which come again from the first when all were there; null where none are.</summary>
    public IEnumerator<int[]>? HeldBackBatches() => HeldBack.Count > 0 ? Endless([.. HeldBack]).GetEnumerator() : null;

    private IEnumerable<int[]> Endless(int[] some)
    {
        var plan = _plan(some);
        for (var epoch = 0; ; epoch++)
        {
            foreach (var batch in plan.Epoch(epoch))
            {
                yield return Array.ConvertAll(batch, k => some[k]);
            }
        }
    }
}
