using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="Frod"/>.</summary>
[AdapterMethod(
    "FROD", AdapterFamily.Multiplicative, Title = "FRoD", Paper = "doi:10.1609/aaai.v40i31.39813", Formula = "U·(diag(λ) + S)·Vᵀ, S sparse",
    Trained = "in + in²·rate", InHuggingFace = true, Merges = true)]
public sealed record FrodOptions : BiasedOptions
{
    /// <summary>Share of the numbers beside the diagonal that are trained: 0 to 1. Default 0.01.</summary>
    [JsonPropertyName("sparse_rate")]
    public double SparseRate { get; init; } = 0.01;

    /// <summary>Seed of their places. Default 0.</summary>
    [JsonPropertyName("projection_prng_key")]
    public long Seed { get; init; }

    /// <summary>Write the shared basis and the places; false to make them again from the base weights when loading. Default true.</summary>
    [JsonPropertyName("save_projection")]
    public bool SavesBasis { get; init; } = true;

    /// <summary>What is added to the diagonal before an inverse while the basis is made, finite and above 0. Default 0.001.</summary>
    [JsonPropertyName("regularization_alpha")]
    public double Regularization { get; init; } = 1e-3;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("frod_dropout")]
    public double Dropout { get; init; }

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    protected override IReadOnlyList<string> FieldsWithoutEffect => ["progressbar", "runtime_offload_base_weight"];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.InRange(SparseRate, 0.0, 1.0);
        Guard.Positive(Regularization);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var layers = build.Targets.Cast<LinearLayer>().ToList();

        // As in HF PEFT, of several layers of a kind with one block number the last one counts.
        var kinds = new SortedDictionary<string, SortedDictionary<int, LinearLayer>>(StringComparer.Ordinal);
        for (var k = 0; k < layers.Count; k++)
        {
            var kind = KindOf(layers[k].Path);
            if (!kinds.TryGetValue(kind, out var ofKind))
            {
                kinds.Add(kind, ofKind = []);
            }

            ofKind[BlockOf(layers[k].Path, k)] = layers[k];
        }

        using var places = new SeededPositions(Seed);
        var bases = new Dictionary<string, FrodBasis>(StringComparer.Ordinal);
        foreach (var (kind, ofKind) in kinds)
        {
            var inputs = ofKind.Values.First().InFeatures;
            if (ofKind.Values.FirstOrDefault(l => l.InFeatures != inputs) is { } other)
            {
                throw new PeftException($"FRoD shares a basis between the layers '{kind}'; '{other.Path}' has {other.InFeatures} inputs, others have {inputs}. Leave some out by ExcludeModules.");
            }

            using var scope = NewDisposeScope();
            var basis = new FrodBasis(
                kind, build.Initialization.Place(Basis([.. ofKind.Values.Select(l => l.FrozenWeight.to(ScalarType.Float32).cpu())])), Places(inputs, places), SavesBasis);
            bases.Add(kind, basis);
        }

        foreach (var basis in bases.Values)
        {
            yield return basis;
        }

        foreach (var layer in layers)
        {
            yield return new Frod(layer, this, bases[KindOf(layer.Path)], build);
        }
    }

    // The role of a layer in its block: the last two names of its path.
    private static string KindOf(string path)
    {
        var parts = path.Split('.');
        return parts.Length == 1 || IsNumber(parts[^2]) ? parts[^1]
            : parts is [.., "attention", "output", "dense"] ? "attention_output"
            : $"{parts[^2]}_{parts[^1]}";
    }

    private static int BlockOf(string path, int otherwise)
    {
        var parts = path.Split('.');
        var at = Array.IndexOf(parts, "layers") + 1;
        return at > 0 && at < parts.Length && int.TryParse(parts[at], out var block) ? block
            : parts.FirstOrDefault(IsNumber) is { } number ? int.Parse(number) : otherwise;
    }

    private static bool IsNumber(string part) => part.Length is > 0 and < 9 && part.All(char.IsAsciiDigit);

    private Tensor Places(long inputs, SeededPositions places)
    {
        var beside = inputs * (inputs - 1);
        var count = Math.Min((long)(inputs * inputs * SparseRate), beside);
        if (SparseRate > 0 && beside > 0)
        {
            count = Math.Max(1, count);
        }

        if (count == 0)
        {
            return zeros([0], ScalarType.Int64);
        }

        // The n-th place that is not on the diagonal.
        var drawn = places.Next(count, beside);
        var (rows, columns) = (drawn.floor_divide(inputs - 1), drawn.remainder(inputs - 1));
        return rows.mul(inputs).add_(columns).add_(columns.ge(rows).to(ScalarType.Int64));
    }

    // The basis in which the weights are simplest together: eigenvectors of the mean of (QᵢᵀQᵢ + αI)⁻¹ for W = Q·R of all weights.
    private Tensor Basis(Tensor[] weights)
    {
        var all = cat(weights, 0);
        var inputs = all.size(1);
        if (all.size(0) < inputs)
        {
            return linalg.svd(all, fullMatrices: true).Vh.t().contiguous();
        }

        var (q, r) = linalg.qr(all);
        var sum = zeros(inputs, inputs);
        long row = 0;
        foreach (var weight in weights)
        {
            var part = q.narrow(0, row, weight.size(0));
            sum = sum + linalg.inv(part.t().mm(part) + eye(inputs).mul(Regularization));
            row += weight.size(0);
        }

        return r.t().mm(linalg.eigh(sum / weights.Length).Item2);
    }
}
