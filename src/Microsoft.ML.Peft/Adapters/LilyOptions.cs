using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How Lily mixes its up-projections.</summary>
[JsonConverter(typeof(NameConverter<LilyRouting>))]
public enum LilyRouting
{
    /// <summary>By the mean over all tokens of the batch, as HF PEFT does.</summary>
    Batch,

    /// <summary>For each token on its own.</summary>
    Token,

    /// <summary>In equal shares, without a router.</summary>
    None,
}

/// <summary>Settings of <see cref="Lily"/>.</summary>
[AdapterMethod(
    "LILY", AdapterFamily.LowRank, Title = "Lily", Paper = "arXiv:2407.09946", Formula = "W + s·(Σ_e π_e·B_e)ᵀ·A, π by a router",
    Trained = "⌈L/stride⌉·r·in + e·r·out + L·e·r for L layers of a kind", InHuggingFace = true, Merges = false, MixesInBatch = false)]
public sealed record LilyOptions : AdapterOptions
{
    /// <summary>Rank r: 1 or more. Default 32.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 32;

    /// <summary>How many neighbouring layers of a kind share a down-projection: 1 or more. Default 1.</summary>
    [JsonPropertyName("stride_A")]
    public int Stride { get; init; } = 1;

    /// <summary>Count e of up-projections of a kind: 2 or more. Default 2.</summary>
    [JsonPropertyName("num_B")]
    public int Experts { get; init; } = 2;

    /// <summary>Scale s, finite and above 0. Default 1.</summary>
    [JsonPropertyName("scaling")]
    public double Scaling { get; init; } = 1;

    /// <summary>How the up-projections are mixed; HF PEFT has only <c>batch</c>. Default <c>batch</c>.</summary>
    [JsonPropertyName("routing")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public LilyRouting Routing { get; init; }

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool CanMerge => Routing == LilyRouting.None;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(Stride, 1);
        Guard.AtLeast(Experts, 2);
        Guard.Positive(Scaling);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        // Layers of a kind: the same name in the targets and the same size.
        var kinds = new Dictionary<(string Name, long Inputs, long Outputs), (int Layers, Parameter A, Parameter B)>();
        var start = build.Initialization;
        foreach (var layer in build.Targets.Cast<LinearLayer>())
        {
            var kind = (NameOf(layer.Path), layer.InFeatures, layer.OutFeatures);
            var known = kinds.TryGetValue(kind, out var shared);
            if (!known || shared.Layers % Stride == 0)
            {
                shared.A = Lily.Shared(start.KaimingUniform(Rank, layer.InFeatures));
            }

            if (!known)
            {
                var rows = (long)Experts * Rank;
                shared.B = Lily.Shared(IdentityStart ? start.Zeros(rows, layer.OutFeatures) : start.KaimingUniform(rows, layer.OutFeatures));
            }

            shared.Layers++;
            kinds[kind] = shared;
            yield return new Lily(layer, this, shared.A, shared.B, build);
        }
    }

    private string NameOf(string path)
        => TargetModules?.Names is { } names
            ? names.Where(n => path.EndsWith(n, StringComparison.Ordinal)).MaxBy(n => n.Length) ?? ""
            : TargetModules is null ? path[(path.LastIndexOf('.') + 1)..] : "";
}
