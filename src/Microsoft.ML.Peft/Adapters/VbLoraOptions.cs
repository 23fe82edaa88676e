using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="VbLora"/>.</summary>
[AdapterMethod(
    "VBLORA", AdapterFamily.LowRank, Title = "VB-LoRA", Paper = "arXiv:2405.15179", Formula = "W + B·A, pieces = Σ softmax(top-k)·bank",
    Trained = "r·h·(in + out)/v, and h·v once", InHuggingFace = true, Merges = true)]
public sealed record VbLoraOptions : BiasedOptions
{
    /// <summary>Rank r: 1 or more. Default 4.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 4;

    /// <summary>Count h of vectors in the bank: 2 or more. Default 256.</summary>
    [JsonPropertyName("num_vectors")]
    public int VectorCount { get; init; } = 256;

    /// <summary>Length v of a vector, a divisor of inputs and outputs of every target. Default 256.</summary>
    [JsonPropertyName("vector_length")]
    public int VectorLength { get; init; } = 256;

    /// <summary>How many vectors make up a piece: 1 to <see cref="VectorCount"/>. Default 2.</summary>
    [JsonPropertyName("topk")]
    public int TopCount { get; init; } = 2;

    /// <summary>Write the chosen vectors and their weights instead of all logits: small files, for predicting only. Default false.</summary>
    [JsonPropertyName("save_only_topk_weights")]
    public bool SaveOnlyTopWeights { get; init; }

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("vblora_dropout")]
    public double Dropout { get; init; }

    /// <summary>The bank starts uniform on ± this, above 0. Default 0.02.</summary>
    [JsonPropertyName("init_vector_bank_bound")]
    public double BankBound { get; init; } = 0.02;

    /// <summary>The logits start normal with this deviation, above 0. Default 0.1.</summary>
    [JsonPropertyName("init_logits_std")]
    public double LogitsDeviation { get; init; } = 0.1;

    /// <summary>Smallest type that HF PEFT writes an index into the bank with.</summary>
    [JsonIgnore]
    internal ScalarType IndexType => VectorCount < 256 ? ScalarType.Byte : VectorCount < 32768 ? ScalarType.Int16 : ScalarType.Int32;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(VectorCount, 2);
        Guard.AtLeast(VectorLength, 1);
        Guard.InRange(TopCount, 1, VectorCount);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.Positive(BankBound);
        Guard.Positive(LogitsDeviation);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var bank = new VectorBank(build.Initialization.Uniform(BankBound, VectorCount, VectorLength));
        yield return bank;
        foreach (var layer in build.Targets)
        {
            yield return new VbLora((LinearLayer)layer, this, bank, build);
        }
    }
}
