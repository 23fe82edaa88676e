using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Which side of the weight the network of <see cref="Peanut"/> is as wide as.</summary>
[JsonConverter(typeof(NameConverter<PeanutSide>))]
public enum PeanutSide
{
    /// <summary>The outputs, as HF PEFT and the paper have it.</summary>
    Output,

    /// <summary>The inputs, as the authors' code for language models has it.</summary>
    Input,
}

/// <summary>Settings of <see cref="Peanut"/>.</summary>
[AdapterMethod(
    "PEANUT", AdapterFamily.Additive, Title = "PEANuT (NEAT)", Paper = "arXiv:2410.01870", Formula = "W + s·B·σ(A·W)", Trained = "2·r·out + 2·depth·r²",
    InHuggingFace = true, Merges = true)]
public sealed record PeanutOptions : LinearAdapterOptions
{
    /// <summary>Width r of the network: 1 or more. Default 32.</summary>
    [JsonPropertyName("r"), SearchChoices(8, 16, 32, 64)]
    public int Rank { get; init; } = 32;

    /// <summary>Count of its pairs of encoder and decoder layers: 0 or more. Default 0.</summary>
    [JsonPropertyName("depth"), SearchChoices(0, 1, 2)]
    public int Depth { get; init; }

    /// <summary>Its function σ: <c>relu</c>, <c>gelu</c>, <c>silu</c>, <c>tanh</c> or another of Hugging Face's names, at best one with σ(0) = 0. Default <c>relu</c>.</summary>
    [JsonPropertyName("act_fn")]
    public string Function { get; init; } = "relu";

    /// <summary>Scale s, finite and above 0; the authors' language models have α/r here. Default 1.</summary>
    [JsonPropertyName("scaling"), SearchRange(0.1, 32, Logarithmic = true)]
    public double Scaling { get; init; } = 1;

    /// <summary>Which side it is as wide as; HF PEFT has only <c>output</c>. Default <c>output</c>.</summary>
    [JsonPropertyName("side")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public PeanutSide Side { get; init; }

    /// <summary>Make the whole update (out, in) in each forward pass, as HF PEFT does: slower, and for comparisons. Not kept in files. Default false.</summary>
    [JsonIgnore]
    public bool Materializes { get; init; }

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(Depth, 0);
        Guard.Positive(Scaling);
        _ = Activation.Named(Function);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Peanut(layer, this, build);
}
