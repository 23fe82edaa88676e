using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Training;

/// <summary>The rows of a run of <see cref="Trainer"/> and their losses.</summary>
internal sealed class TrainerRun(TextClassifier model, int[][] rows, long[] labels, ForwardContext context, int batchSize, int epochs) : TrainingRun, IDisposable
{
    private readonly BatchPlan _plan = Plan(model, rows, batchSize);
    private readonly List<TokenBatch> _inputs = []; // a backward pass may need them
    private IEnumerator<int[]>? _heldBack;

    public override long TotalSteps => StepsPerEpoch * epochs;

    public override long StepsPerEpoch => _plan.BatchCount;

    /// <summary>The rows that are held back, as indices.</summary>
    internal IReadOnlyList<int> HeldBackRows { get; private set; } = [];

    /// <summary>The batch of the step, as indices of rows.</summary>
    public int[] Batch { get; set; } = [];

    /// <summary>The batches of an epoch.</summary>
    public IReadOnlyList<int[]> Epoch(int epoch) => _plan.Epoch(epoch);

    /// <summary>The batches of a lead, as many as its steps.</summary>
    /// <exception cref="PeftException">Too few rows are left, or held back.</exception>
    public IEnumerable<int[]> Lead(TrainingLead lead)
    {
        var split = new RowSplit(lead, rows.Length, some => Plan(model, [.. some.Select(k => rows[k])], batchSize));
        (HeldBackRows, _heldBack) = (split.HeldBack, split.HeldBackBatches());
        return split.Steps;
    }

    /// <summary>The rows that were held back are training rows from now on.</summary>
    public void EndLead()
    {
        _heldBack?.Dispose();
        (_heldBack, HeldBackRows) = (null, []);
    }

    /// <summary>Frees the inputs of the losses so far.</summary>
    public void EndStep()
    {
        _inputs.ForEach(tokens => tokens.Dispose());
        _inputs.Clear();
    }

    public void Dispose()
    {
        EndStep();
        EndLead();
    }

    public override Tensor Loss() => LossOf(Batch, context);

    public override Tensor HeldBackLoss()
    {
        if (_heldBack is null)
        {
            throw new PeftException("No rows are held back in this part of the run; ask for some by a TrainingLead.");
        }

        _heldBack.MoveNext();
        return LossOf(_heldBack.Current, context);
    }

    public override int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below)
    {
        Guard.AtLeast(batchSize, 1);
        using var predicting = ForwardContext.Predicting([.. below, model.Adapter]);
        var batches = Plan(model, rows, batchSize).Epoch(0).Take(mostBatches ?? int.MaxValue).ToList();
        foreach (var batch in batches)
        {
            using var scope = NewDisposeScope();
            use(LossOf(batch, predicting));
            EndStep();
        }

        return batches.Count;
    }

    private static BatchPlan Plan(TextClassifier model, int[][] rows, int batchSize) => new([.. rows.Select(row => row.Length)], batchSize, model.Settings.Seed);

    private Tensor LossOf(int[] batch, ForwardContext pass)
    {
        var tokens = new TokenBatch(Array.ConvertAll(batch, k => rows[k]), model.Tokenizer.PadId, device: model.Device);
        _inputs.Add(tokens);
        var target = tensor(Array.ConvertAll(batch, k => labels[k]), device: model.Device);
        return nn.functional.cross_entropy(model.Logits(tokens, pass), target);
    }
}
