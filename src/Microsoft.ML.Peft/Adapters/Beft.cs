using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>BEFT: a trained bias is added to the output of the value projections.</summary>
/// <remarks>
/// <para><c>y = W·x + b + v</c>. Shapes: v (1, out). Trains out numbers. Starts as the identity. It merges into the bias of the layer; a layer
/// without one cannot take it.</para>
/// <para>Source: arXiv:2509.15974.</para>
/// </remarks>
public sealed class Beft : LinearAdapter
{
    [ComponentName(Name = "beft_bias")] private readonly Parameter _bias; // (1, out)

    /// <summary>Puts BEFT on a layer.</summary>
    public Beft(LinearLayer target, BeftOptions options, AdapterBuild build)
        : base(target)
    {
        _bias = Trainable(options.IdentityStart ? build.Initialization.Zeros(1, OutFeatures) : build.Initialization.Normal(1, 1, OutFeatures));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight;

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? below) => below is null ? _bias.flatten() : below + _bias.flatten();

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below) => below.Forward(x) + InTypeOf(x, _bias.flatten());
}

/// <summary>Settings of <see cref="Beft"/>.</summary>
[AdapterMethod(
    "BEFT", AdapterFamily.Selective, Title = "BEFT", Paper = "arXiv:2509.15974", Formula = "b + v", Trained = "out", InHuggingFace = true, Merges = true)]
public sealed record BeftOptions : LinearAdapterOptions
{
    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
        => [.. backbone.DefaultTargets.Where(name => name.StartsWith('v'))]; // the value projection

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Beft(layer, this, build);
}
