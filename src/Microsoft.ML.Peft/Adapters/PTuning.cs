using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>P-tuning: trained tokens that a small network makes while they are trained.</summary>
/// <remarks>
/// <para><c>p = net(e)</c>, net a multilayer perceptron d→h→h→d with relu, or a bidirectional LSTM (d→2h, with layers) and a perceptron
/// 2h→2h→d. Shapes: e, p (n, d).</para>
/// <para>Trains n·d and the network; a file holds p alone, and what is loaded from one is trained as plain tokens.</para>
/// <para>Never the identity. Source: Liu et al. 2021, arXiv:2103.10385.</para>
/// </remarks>
public sealed class PTuning : PromptAdapter
{
    private readonly Parameter prompt_embeddings; // (n·submodules, d): e, or p where there is no network
    private readonly DenseStack? _head;
    private readonly LstmStack? _lstm;

    internal PTuning(PTuningOptions options, Initialization initialization)
        : base("P_TUNING", options.VirtualTokens)
    {
        var (width, hidden) = (options.TokenWidth!.Value, options.HiddenSize!.Value);
        prompt_embeddings = Trainable(initialization.Normal(1, options.VirtualTokens * options.Submodules!.Value, width));
        RegisterComponents();
        if (options.IsStored)
        {
            return;
        }

        if (options.Encoder == PTuningEncoder.Lstm)
        {
            _lstm = new LstmStack(width, hidden, options.EncoderLayers, options.EncoderDropout, Draw("lstm_head"));
            _head = new DenseStack([2 * hidden, 2 * hidden, width], x => nn.functional.relu(x), Draw("mlp_head"));
        }
        else
        {
            _head = new DenseStack([width, hidden, hidden, width], x => nn.functional.relu(x), Draw("mlp_head"));
        }

        Func<string, double, long[], Parameter> Draw(string module) => (name, bound, shape) =>
        {
            var parameter = Trainable(initialization.Uniform(bound, shape));
            register_parameter($"{module}_{name}", parameter);
            return parameter;
        };
    }

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter == nameof(prompt_embeddings);

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written()
    {
        using var context = ForwardContext.Predicting();
        return [(nameof(prompt_embeddings), Vectors(context).squeeze(0).detach())];
    }

    /// <inheritdoc/>
    protected internal override Tensor Vectors(ForwardContext context)
    {
        var start = _lstm is null ? prompt_embeddings : _lstm.Forward(prompt_embeddings, context);
        return (_head?.Forward(start) ?? start).unsqueeze(0);
    }
}

/// <summary>The network of <see cref="PTuning"/>.</summary>
public enum PTuningEncoder
{
    /// <summary>A perceptron of three layers.</summary>
    [JsonStringEnumMemberName("MLP")]
    Mlp,

    /// <summary>A bidirectional LSTM and a perceptron of two layers.</summary>
    [JsonStringEnumMemberName("LSTM")]
    Lstm,
}

/// <summary>Settings of <see cref="PTuning"/>.</summary>
[AdapterMethod(
    "P_TUNING", AdapterFamily.Prompt, Title = "P-tuning", Paper = "arXiv:2103.10385", Formula = "[net(e₁ … eₙ), E(x)]", Trained = "n·d and the network, a model",
    InHuggingFace = true, MixesInBatch = false)]
public sealed record PTuningOptions : PromptOptions
{
    /// <summary>The network. Default <see cref="PTuningEncoder.Mlp"/>.</summary>
    [JsonPropertyName("encoder_reparameterization_type")]
    [JsonConverter(typeof(JsonStringEnumConverter<PTuningEncoder>))]
    public PTuningEncoder Encoder { get; init; }

    /// <summary>Width h of the network: 1 or more. Default null: that of a token.</summary>
    [JsonPropertyName("encoder_hidden_size")]
    public int? HiddenSize { get; init; }

    /// <summary>Layers of the LSTM: 1 or more; the perceptron has always three. Default 2.</summary>
    [JsonPropertyName("encoder_num_layers")]
    public int EncoderLayers { get; init; } = 2;

    /// <summary>Share that is dropped between the layers of the LSTM while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("encoder_dropout")]
    public double EncoderDropout { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(HiddenSize ?? 1, 1, nameof(HiddenSize));
        Guard.AtLeast(EncoderLayers, 1);
        Guard.InRange(EncoderDropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions For(Backbones.Backbone backbone)
    {
        var filled = (PTuningOptions)base.For(backbone);
        return filled with { HiddenSize = HiddenSize ?? filled.TokenWidth };
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => [new PTuning(this, build.Initialization)];
}
