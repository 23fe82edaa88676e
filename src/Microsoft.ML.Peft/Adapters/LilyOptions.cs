using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

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

/// <summary>What Lily's routing <see cref="LilyRouting.Batch"/> predicts with.</summary>
[JsonConverter(typeof(NameConverter<LilyEvaluation>))]
public enum LilyEvaluation
{
    /// <summary>The shares of the batch that is predicted, as HF PEFT does: a row's output depends on the other rows.</summary>
    Batch,

    /// <summary>The running mean of the shares while training (momentum 0.99): rows are independent, and the adapter merges.</summary>
    Running,
}

/// <summary>Lily's branch beside the feed-forward part of each block.</summary>
public sealed record LilyMlp
{
    /// <summary>Rank r of the branch: 1 or more. Default 32; the paper takes twice that of the layers.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 32;

    /// <summary>The function σ after its down-projection, by Hugging Face's name. Default <c>relu</c>.</summary>
    [JsonPropertyName("non_linearity")]
    public string Function { get; init; } = "relu";
}

/// <summary>Settings of <see cref="Lily"/>.</summary>
[AdapterMethod(
    "LILY", AdapterFamily.LowRank, Title = "Lily", Paper = "arXiv:2407.09946", Formula = "W + s·(Σ_e π_e·B_e)ᵀ·A, π by a router",
    Trained = "⌈L/stride⌉·r·in + e·r·out + L·e·r for L layers of a kind", InHuggingFace = true, Merges = false, MixesInBatch = false)]
public sealed record LilyOptions : AdapterOptions
{
    /// <summary>Rank r: 1 or more. Default 32; two to four times that of a LoRA is usual.</summary>
    [JsonPropertyName("r"), SearchChoices(8, 16, 32, 64)]
    public int Rank { get; init; } = 32;

    /// <summary>How many neighbouring layers of a kind share a down-projection: 1 or more. Default 1.</summary>
    [JsonPropertyName("stride_A"), SearchChoices(1, 2, 3, 4)]
    public int Stride { get; init; } = 1;

    /// <summary>Count e of up-projections of a kind: 2 or more. Default 2; about the count of down-projections is advised.</summary>
    [JsonPropertyName("num_B"), SearchChoices(2, 3, 4)]
    public int Experts { get; init; } = 2;

    /// <summary>Scale s, finite and above 0. Default 1.</summary>
    [JsonPropertyName("scaling"), SearchRange(0.01, 10, Logarithmic = true)]
    public double Scaling { get; init; } = 1;

    /// <summary>How the up-projections are mixed; HF PEFT has only <c>batch</c>. Default <c>batch</c>.</summary>
    [JsonPropertyName("routing")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public LilyRouting Routing { get; init; }

    /// <summary>What routing <c>batch</c> predicts with; HF PEFT has only <c>batch</c>. Default <c>batch</c>.</summary>
    [JsonPropertyName("eval_pi")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public LilyEvaluation Evaluation { get; init; }

    /// <summary>Leave padding out of the mean of routing <c>batch</c>; HF PEFT counts it. Default false.</summary>
    [JsonPropertyName("mask_padding")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IgnoresPadding { get; init; }

    /// <summary>A function σ after the down-projection, by Hugging Face's name; with one it does not merge. Default null: none, as HF PEFT.</summary>
    [JsonPropertyName("non_linearity")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Function { get; init; }

    /// <summary>A branch beside the feed-forward part of each block, as the authors' vision models have it; HF PEFT has none. Default null: none.</summary>
    [JsonPropertyName("mlp")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LilyMlp? Mlp { get; init; }

    /// <summary>Write each shared tensor once, with the first layer that has it, in files that HF PEFT does not read. Default false: once a layer.</summary>
    [JsonPropertyName("compact")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Compact { get; init; }

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool CanMerge => (Routing == LilyRouting.None || PredictsByRun) && Function is null && Mlp is null;

    [JsonIgnore]
    internal bool PredictsByRun => Evaluation == LilyEvaluation.Running;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(Stride, 1);
        Guard.AtLeast(Experts, 2);
        Guard.Positive(Scaling);
        if (Mlp is not null)
        {
            Guard.AtLeast(Mlp.Rank, 1);
            _ = Activation.Named(Mlp.Function);
        }

        if (Function is not null)
        {
            _ = Activation.Named(Function);
        }

        if (Routing != LilyRouting.Batch && (PredictsByRun || IgnoresPadding))
        {
            throw new ArgumentException($"Routing is {Routing}, which takes no mean over a batch; Evaluation and IgnoresPadding are for the routing Batch.");
        }
    }

    internal string Describe() => $"routing '{Routing.ToString().ToLowerInvariant()}'{(Function is null ? "" : $", non_linearity '{Function}'")}";

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var (pool, targets) = (new LilyPool(this, build.Initialization), build.Selection ?? TargetModules);
        var shares = build.RegisteredTargets().Cast<LinearLayer>()
            .ToDictionary(layer => layer, layer => pool.Next(NameOf(layer.Path, targets), layer.InFeatures, layer.OutFeatures, Rank)); // neighbours in HF PEFT's order
        foreach (var layer in build.Targets.Cast<LinearLayer>())
        {
            yield return new Lily(layer, this, shares[layer], build.Initialization);
        }

        foreach (var site in Mlp is null ? [] : build.Backbone.Blocks.Where(site => LayersToTransform is not { Count: > 0 } chosen || chosen.Contains(site.Index)))
        {
            yield return Branch(site.Index, build.PathOf(site.FeedForward), site.Width, pool, build.Initialization);
        }
    }

    /// <summary>The branch of a block.</summary>
    internal LilyBranch Branch(int block, string path, long hidden, LilyPool pool, Initialization initialization)
        => new(path, block, this, pool.Next("feed-forward branch", hidden, hidden, Mlp!.Rank), initialization);

    // Layers of a kind: the same name in the targets, as the file says them, and the same size. Of several names the longest one counts; a pattern is one name.
    private static string NameOf(string path, TargetModules? targets)
        => targets?.Names is { } names
            ? names.Where(n => path == n || path.EndsWith("." + n, StringComparison.Ordinal)).MaxBy(n => n.Length) ?? ""
            : targets is null or { IsAllLinear: true } ? path[(path.LastIndexOf('.') + 1)..] : "";
}
