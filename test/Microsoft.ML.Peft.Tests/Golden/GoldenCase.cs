using Microsoft.ML.Peft.Adapters.Core;
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
    private readonly Dictionary<string, Tensor> _inputs = [];
    private readonly long _rows;
    private readonly long _length;

    public GoldenCase(string model, string? adapter = null)
    {
        _model = Path.Combine(GoldenFolder.Root, model);
        _expected = adapter is null ? _model : Path.Combine(_model, adapter);
        Model = PretrainedModel.Load(_model, HeadKind.SequenceClassification);
        if (adapter is not null)
        {
            var options = AdapterCheckpoint.ReadOptions(_expected);
            Adapter = AdapterSet.Create("default", options, Model.Layers, new CopiedModules([], []), Model.Backbone.DefaultTargets, seed: 0);
            AdapterCheckpoint.ReadTensors(Adapter, _expected);
        }

        using var inputs = SafetensorsReader.Open(Path.Combine(_model, "inputs.safetensors"));
        foreach (var name in inputs.Entries.Keys)
        {
            _inputs[name] = inputs.Read(name);
        }

        (_rows, _length) = (_inputs["input_ids"].size(0), _inputs["input_ids"].size(1));
        Batch = new ModelInputs
        {
            Tokens = new TokenBatch(_inputs["input_ids"].reshape(-1), _inputs["attention_mask"].reshape(-1), null, _rows, _length),
        };
    }

    public PretrainedModel Model { get; }

    public AdapterSet? Adapter { get; }

    public ModelInputs Batch { get; }

    public string AdapterFolder => _expected;

    public Tensor Logits(ForwardContext context) => Model.Forward(Batch, context).Logits;

    public Tensor Loss(ForwardContext context) => Model.Head.Loss(Model.Forward(Batch, context), new Targets(_inputs["labels"]));

    public Dictionary<string, Tensor> Expected()
    {
        using var file = SafetensorsReader.Open(Path.Combine(_expected, "expected.safetensors"));
        return file.Entries.Keys.ToDictionary(name => name, file.Read);
    }

    /// <summary>Name of a parameter in adapter_model.safetensors from its name in peft's memory.</summary>
    public static string FileName(string memoryName)
        => memoryName.Replace(".modules_to_save.default.", ".", StringComparison.Ordinal).Replace(".default.", ".", StringComparison.Ordinal);

    public void Dispose()
    {
        Adapter?.Dispose();
        Model.Dispose();
    }
}
