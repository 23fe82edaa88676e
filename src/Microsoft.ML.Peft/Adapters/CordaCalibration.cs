using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Measures the covariance of the inputs of LoRA's layers, and starts the factors with directions of the weight times it.</summary>
internal sealed class CordaCalibration : LoraCalibration
{
    private readonly CordaOptions _options;
    private readonly Dictionary<ILoraPart, Tensor> _covariances = []; // (in, in): sums over rows, or means of a file
    private readonly bool _hasCache;
    private readonly bool _hasCovariances;
    private TokenMask? _mask;
    private long _batches;
    private long _rows;

    public CordaCalibration(LoraOptions options, AdapterSet adapter)
        : base(options, adapter, usualBatches: 8)
    {
        _options = options.Corda ?? new();
        (_hasCache, _hasCovariances) = (File.Exists(_options.CacheFile), File.Exists(_options.CovarianceFile));
        var recorders = new List<Adapter>();
        foreach (var part in Parts)
        {
            LoraStarts.RequireDirections(LoraStart.Corda, part.Path, part.Layer.Weight.Dense(), part.Factors.Rank);
            recorders.Add(new InputRecorder(part.Layer, (x, context) => Record(part, x, context)));
        }

        Recorders = recorders;
    }

    public override IReadOnlyList<Adapter> Recorders { get; }

    public override bool NeedsBatches => base.NeedsBatches && !_hasCache && !_hasCovariances;

    public override void BeforeBatch(ModelInputs inputs, Targets? targets)
    {
        _mask?.Dispose();
        _mask = new(inputs, null, 0);
        _rows += inputs.RowCount;
    }

    public override CalibrationStep AfterBatch() => ++_batches >= MostBatches ? CalibrationStep.Enough : CalibrationStep.Next;

    protected override IReadOnlyList<string> Start()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        if (!_hasCache && _options.CovarianceFile is { } path)
        {
            if (_hasCovariances)
            {
                using var file = SafetensorsReader.Open(path);
                foreach (var part in Parts)
                {
                    _covariances[part] = Read(file, path, part.Path, part.Layer.InFeatures, part.Layer.InFeatures).DetachFromDisposeScope();
                }
            }
            else
            {
                SafetensorsWriter.Write(path, Parts.Select(part => KeyValuePair.Create(part.Path, Mean(part))));
            }
        }

        using var cache = _hasCache ? SafetensorsReader.Open(_options.CacheFile!) : null;
        var made = new List<KeyValuePair<string, Tensor>>();
        foreach (var part in Parts)
        {
            var (u, s, v) = cache is null ? Decompose(part) : ReadDirections(cache, part);
            var device = part.Layer.Weight.Dense().device;
            var start = LoraStarts.Residual(u.to(device), s.to(device), v.to(device).t(), part.Factors.Scale);
            part.Factors.Start(start with { IsRepeatable = false }, part.Factors.Alpha);
            made.AddRange([new($"{part.Path}.eigens.U_WC", u), new($"{part.Path}.eigens.S_WC", s), new($"{part.Path}.eigens.V_WC", v)]);
        }

        if (!_hasCache && _options.CacheFile is { } destination)
        {
            SafetensorsWriter.Write(destination, made);
        }

        return [];
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _mask?.Dispose();
            foreach (var covariance in _covariances.Values)
            {
                covariance.Dispose();
            }
        }
    }

    private static Tensor Read(SafetensorsReader file, string path, string name, params long[] shape)
    {
        if (!file.Entries.TryGetValue(name, out var entry) || !entry.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new PeftException(
                $"{path} {(entry is null ? $"has no '{name}'" : $"has '{name}' of the shape ({string.Join(", ", entry.Shape)}), where ({string.Join(", ", shape)}) is needed")}: "
                + "it was made for other layers, another rank or another model. Give another path to make it anew.");
        }

        return file.Read(name).to(ScalarType.Float32);
    }

    private (Tensor U, Tensor S, Tensor V) ReadDirections(SafetensorsReader cache, ILoraPart part)
    {
        var (rank, layer) = (part.Factors.Rank, part.Layer);
        return (Of("U_WC", layer.OutFeatures, rank), Of("S_WC", rank), Of("V_WC", layer.InFeatures, rank));

        Tensor Of(string name, params long[] shape) => Read(cache, _options.CacheFile!, $"{part.Path}.eigens.{name}", shape);
    }

    private (Tensor U, Tensor S, Tensor V) Decompose(ILoraPart part)
    {
        var weight = part.Layer.Weight.Dense();
        return CordaDecomposition.Of(part.Path, weight, Mean(part).to(weight.device), part.Factors.Rank, _options.Method);
    }

    private Tensor Mean(ILoraPart part)
        => !_covariances.TryGetValue(part, out var covariance)
            ? throw new PeftException($"No input has reached '{part.Path}', so CorDA cannot start it; leave it out of the targets.")
            : _hasCovariances ? covariance : covariance / _rows;

    // Each row of the batch counts alike: its inputs are divided by their largest number, whatever its length.
    private void Record(ILoraPart part, Tensor x, ForwardContext context)
    {
        var (rows, width) = (context.Inputs!.RowCount, x.size(1));
        var inputs = (_options.UseBaseTypeForCovariance ? x : x.to(ScalarType.Float32)).view(rows, -1, width);
        var dropped = _mask!.Dropped(x)?.view(rows, -1, 1);
        var largest = (dropped is null ? inputs : inputs.masked_fill(dropped, double.NegativeInfinity)).amax([1, 2], keepdim: true).abs();
        inputs = dropped is null ? inputs / largest : (inputs / largest).masked_fill(dropped, 0);
        var flat = inputs.reshape(-1, width);
        var sum = flat.t().mm(flat).to(ScalarType.Float32);
        if (!sum.isfinite().all().item<bool>())
        {
            throw new PeftException($"The inputs of '{part.Path}' are no numbers somewhere, or all zero in a row, so CorDA cannot start from them; look at the training rows.");
        }

        if (_covariances.TryGetValue(part, out var before))
        {
            before.add_(sum);
        }
        else
        {
            _covariances.Add(part, sum.DetachFromDisposeScope());
        }
    }
}
