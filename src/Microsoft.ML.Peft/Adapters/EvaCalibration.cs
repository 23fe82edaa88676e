using System.Security.Cryptography;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Measures in which directions the inputs of LoRA's layers vary, and gives the ranks to the layers where they explain most.</summary>
internal sealed class EvaCalibration : LoraCalibration
{
    private readonly EvaOptions _options;
    private readonly AdapterSet _adapter;
    private readonly List<EvaLayer> _layers = [];
    private readonly int _budget;
    private EvaGroup[]? _groups; // known after a first pass
    private TokenMask? _mask;
    private long _batches;

    public EvaCalibration(LoraOptions options, AdapterSet adapter)
        : base(options, adapter, usualBatches: 256)
    {
        (_options, _adapter) = (options.Eva ?? new(), adapter);
        if (_options.Rho > 1 && options.Bias != "none")
        {
            throw new PeftException(
                $"The start 'eva' may take the adapter from a layer, and Bias, which is '{options.Bias}', trains biases of the adapted layers; set Bias to 'none', or Eva.Rho to 1.");
        }

        var recorders = new List<Adapter>();
        foreach (var part in Parts)
        {
            var layer = new EvaLayer(part, (int)Math.Min(Math.Round(part.Factors.Rank * _options.Rho), part.Layer.InFeatures));
            _layers.Add(layer);
            recorders.Add(new InputRecorder(part.Layer, (x, _) => Record(layer, x)));
            _budget += part.Factors.Rank;
        }

        Recorders = recorders;
    }

    public override IReadOnlyList<Adapter> Recorders { get; }

    public override bool Repeats => true;

    public override void BeforeBatch(ModelInputs inputs, Targets? targets)
    {
        _mask?.Dispose();
        _mask = new(inputs, _options.UseLabelMask ? targets : null, _options.LabelMaskValue);
    }

    public override CalibrationStep AfterBatch()
    {
        if (_groups is null)
        {
            _groups = [.. _layers.GroupBy(layer => layer.Input).Select(Group)];
            return CalibrationStep.Again;
        }

        _batches++;
        if (_groups.All(group => group.Components.Components is not null))
        {
            Distribute();
        }

        return _groups.All(group => group.IsSettled) || _batches >= MostBatches ? CalibrationStep.Enough : CalibrationStep.Next;

        static EvaGroup Group(IEnumerable<EvaLayer> layers)
        {
            EvaLayer[] all = [.. layers];
            var group = new EvaGroup(all);
            foreach (var layer in all)
            {
                (layer.Group, layer.Rank) = (group, group.Components.Count);
            }

            return group;
        }
    }

    protected override IReadOnlyList<string> Start()
    {
        if (_layers.FirstOrDefault(layer => layer.Group?.Components.Components is null) is { } unseen)
        {
            throw new PeftException(
                $"EVA looks for {unseen.Group?.Components.Count ?? unseen.Most} directions of the inputs of '{unseen.Part.Path}', and no batch had as many tokens; "
                + "raise Calibration.BatchSize, or lower Rank or Eva.Rho.");
        }

        var notes = new List<string>();
        if (_groups?.Count(group => !group.IsSettled) is > 0 and var open)
        {
            notes.Add($"EVA's directions have not settled for {open} of {_groups.Length} inputs after {_batches} batches; raise Calibration.Batches or Calibration.BatchSize, or lower Eva.Tau.");
        }

        var lost = _layers.Where(layer => layer.Rank == 0).ToList();
        foreach (var layer in _layers.Except(lost))
        {
            Start(layer);
        }

        if (lost.Count > 0)
        {
            notes.Add($"EVA gave no rank to {string.Join(", ", lost.Select(layer => layer.Part.Path))}; these layers have no adapter.");
            _adapter.Remove(lost.Select(layer => (Adapter)layer.Part).ToHashSet());
        }

        return notes;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _mask?.Dispose();
            Array.ForEach(_groups ?? [], group => group.Dispose());
        }
    }

    private void Record(EvaLayer layer, Tensor x)
    {
        var rows = _mask!.Kept(x);
        if (_groups is null)
        {
            layer.Input = $"{string.Join('x', rows.shape)} {Convert.ToHexString(SHA256.HashData(rows.contiguous().cpu().bytes))}";
            return;
        }

        var group = layer.Group!;
        if (group.Leader != layer || group.IsSettled || rows.size(0) < group.Components.Count)
        {
            return; // with fewer rows than directions there is nothing to decompose
        }

        if (group.Components.Add(rows.to(ScalarType.Float32)) is { } likeness)
        {
            group.Stable = Array.ConvertAll(likeness, cosine => cosine >= _options.Tau);
        }
    }

    // The budget goes to the directions that explain most; where two explain the same, to the layer that comes first.
    private void Distribute()
    {
        var best = _layers
            .SelectMany((layer, place) => layer.Group!.Components.Ratios.Select(ratio => (Ratio: ratio, Place: place)))
            .OrderByDescending(direction => direction.Ratio)
            .Take(_budget)
            .CountBy(direction => direction.Place)
            .ToDictionary();
        for (var k = 0; k < _layers.Count; k++)
        {
            _layers[k].Rank = best.GetValueOrDefault(k);
        }
    }

    private void Start(EvaLayer layer)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (factors, components) = (layer.Part.Factors, layer.Group!.Components);
        var a = components.Components!.narrow(0, 0, layer.Rank);
        if (_options.Whiten)
        {
            a = a / components.Values!.narrow(0, 0, layer.Rank).sqrt().unsqueeze(1);
        }

        var alpha = layer.Rank != factors.Rank && _options.AdjustScalingFactors ? factors.Alpha * layer.Rank / factors.Rank : factors.Alpha;
        factors.Start(new(a, zeros([factors.B.size(0), layer.Rank], device: a.device)), alpha);
    }
}
