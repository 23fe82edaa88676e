using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>One model of a golden folder, with or without an adapter, for sequence classification.</summary>
internal sealed class GoldenCase : IDisposable
{
    private readonly string _model;
    private readonly string _expected;
    private readonly ClassificationHead _head;
    private readonly Dictionary<string, Tensor> _inputs = [];
    private readonly long _rows;
    private readonly long _length;

    public GoldenCase(string model, string? adapter = null)
    {
        _model = Path.Combine(GoldenFolder.Root, model);
        _expected = adapter is null ? _model : Path.Combine(_model, adapter);
        var config = ModelConfig.Load(_model);
        using var weights = WeightFolder.Open(_model);
        var source = new WeightSource(_model, weights.Entries, weights.ReadInto, seed: 0, initializerRange: 0.02);
        Backbone = Backbone.Create(config, source);
        _head = ClassificationHead.Create(Backbone, source, (int)weights.Entries["classifier.weight"].Shape[0]);
        source.Finish();
        if (adapter is not null)
        {
            var options = AdapterCheckpoint.ReadOptions(_expected);
            Adapter = AdapterSet.Create("default", options, Backbone.Layers, new CopiedModules([], []), Backbone.DefaultTargets, seed: 0);
            AdapterCheckpoint.ReadTensors(Adapter, _expected);
        }

        using var inputs = SafetensorsReader.Open(Path.Combine(_model, "inputs.safetensors"));
        foreach (var name in inputs.Entries.Keys)
        {
            _inputs[name] = inputs.Read(name);
        }

        (_rows, _length) = (_inputs["input_ids"].size(0), _inputs["input_ids"].size(1));
        Batch = new TokenBatch(_inputs["input_ids"].reshape(-1), _inputs["attention_mask"].reshape(-1), null, _rows, _length);
    }

    public Backbone Backbone { get; }

    public AdapterSet? Adapter { get; }

    public TokenBatch Batch { get; }

    public string AdapterFolder => _expected;

    public Tensor Logits(ForwardContext context) => _head.Forward(Batch, context);

    public Tensor Loss(ForwardContext context) => nn.functional.cross_entropy(Logits(context), _inputs["labels"]);

    public Dictionary<string, Tensor> Expected()
    {
        using var file = SafetensorsReader.Open(Path.Combine(_expected, "expected.safetensors"));
        return file.Entries.Keys.ToDictionary(name => name, file.Read);
    }

    /// <summary>Name of a parameter in adapter_model.safetensors from its name in peft's memory.</summary>
    public static string FileName(string memoryName)
        => memoryName.Replace(".modules_to_save.default.", ".", StringComparison.Ordinal).Replace(".default.", ".", StringComparison.Ordinal);

    public void Dispose() => Adapter?.Dispose();
}
