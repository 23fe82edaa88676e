using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>BERT's head: <c>logits = W·drop(tanh(P·h₀ + p)) + b</c> over the first token's hidden state h₀.</summary>
public sealed class PooledClassificationHead : ClassificationHead
{
    private readonly Backbone _backbone;
    private readonly LinearLayer _pooler;
    private readonly LinearLayer _classifier;
    private readonly double _dropout;

    internal PooledClassificationHead(Backbone backbone, WeightSource source, int classes)
    {
        _backbone = backbone;
        _pooler = source.LinearOrNew($"{backbone.Root}pooler.dense", backbone.HiddenSize, backbone.HiddenSize);
        _classifier = source.LinearOrNew("classifier", backbone.HiddenSize, classes);
        _dropout = backbone.Config.Number("classifier_dropout", 0, 0.99, backbone.Config.Number("hidden_dropout_prob", 0, 0.99, 0.1));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => ["classifier", "score"];

    /// <inheritdoc/>
    public override Tensor Forward(TokenBatch batch, ForwardContext context)
    {
        var first = _backbone.Forward(batch, context, firstTokenOnly: true); // (batch, hidden)
        var pooled = context.Dropout(_pooler.Forward(first, context).tanh(), _dropout);
        return _classifier.Forward(pooled, context);
    }
}
