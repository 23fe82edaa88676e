using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Measures the gradient of the weights of LoRA's layers, and starts the factors along it.</summary>
internal sealed class LoraGaCalibration : LoraCalibration
{
    private const int Iterations = 4; // of the decomposition, as in HF PEFT

    private readonly LoraGaOptions _options;
    private readonly List<GradientRecorder> _recorders;
    private readonly long _seed;
    private long _batches;

    public LoraGaCalibration(LoraOptions options, AdapterSet adapter, long seed)
        : base(options, adapter, usualBatches: 8)
    {
        (_options, _seed) = (options.LoraGa ?? new(), seed);
        foreach (var part in Parts)
        {
            var (outputs, inputs, rank) = (part.Layer.OutFeatures, part.Layer.InFeatures, part.Factors.Rank);
            if (2 * rank > Math.Min(outputs, inputs))
            {
                throw new PeftException($"LoRA-GA takes 2·r directions of a gradient, and '{part.Path}' ({outputs} × {inputs}) has {Math.Min(outputs, inputs)}; r is {rank}.");
            }
        }

        _recorders = [.. Parts.Select(part => new GradientRecorder(part.Layer))];
    }

    public override IReadOnlyList<Adapter> Recorders => _recorders;

    public override bool NeedsGradients => true;

    public override CalibrationStep AfterBatch() => ++_batches >= MostBatches ? CalibrationStep.Enough : CalibrationStep.Next;

    protected override IReadOnlyList<string> Start()
    {
        using var _ = no_grad();
        var untouched = new List<string>();
        foreach (var (part, recorder) in Parts.Zip(_recorders))
        {
            using var scope = NewDisposeScope();
            if (recorder.Sum is not { } sum)
            {
                untouched.Add(part.Path);
                continue;
            }

            if (!sum.isfinite().all().item<bool>())
            {
                throw new PeftException($"The gradient of '{part.Path}' is no number somewhere, so LoRA-GA cannot start from it; look at the training rows, or use another precision.");
            }

            using var random = new Initialization(_seed + part.Layer.Index, sum.device); // the same for a layer, whatever the others are
            part.Factors.Start(Start(part, sum / _batches, random), part.Factors.Alpha);
        }

        return untouched.Count == 0 ? [] : [$"No gradient has reached {string.Join(", ", untouched)}; these layers start as the identity."];
    }

    private LoraStartFactors Start(ILoraPart part, Tensor gradient, Initialization random)
    {
        var (rank, scale) = (part.Factors.Rank, part.Factors.Scale);
        var smaller = Math.Min(gradient.size(0), gradient.size(1));
        var svd = LowRankSvd.Of(gradient, random.Normal(1, smaller, Math.Min(4L * rank, smaller)), Iterations);
        var (rows, columns) = Directions(rank, random);
        var (a, values) = (svd.Vh.index_select(0, rows), svd.S.index_select(0, columns));
        var b = svd.U.index_select(1, columns) * values;
        switch (_options.Scale)
        {
            case LoraGaScale.Stable:
                b = b.mul(Math.Pow(b.size(0), 0.25) / Math.Sqrt(_options.StableGamma));
                break;
            case LoraGaScale.WeightSvd when values[0].item<float>() is > 0 and var first:
                var weight = part.Layer.Weight.Dense().to(ScalarType.Float32);
                b = b.mul(LowRankSvd.Of(weight, random.Normal(1, smaller, rank), Iterations).S[0].item<float>() / first);
                break;
            case LoraGaScale.GradientDescent:
                (a, b) = (a.div(scale), b.div(scale));
                break;
        }

        return new(a, b, IsResidual: true, IsRepeatable: false);
    }

    private (Tensor Rows, Tensor Columns) Directions(int rank, Initialization random)
    {
        long[] all = [.. Enumerable.Range(0, 2 * rank).Select(k => (long)k)];
        var (first, second) = (all[..rank], all[rank..]);
        var (rows, columns) = _options.Direction switch
        {
            LoraGaDirection.ArB2r => (first, second),
            LoraGaDirection.A2rBr => (second, first),
            LoraGaDirection.ArBr => ([.. all.Where(k => k % 2 == 1)], [.. all.Where(k => k % 2 == 0)]),
            _ => (random.Permutation(2 * rank)[..rank], null as long[]),
        };
        return (random.Place(tensor(rows)), random.Place(tensor(columns ?? rows)));
    }
}
