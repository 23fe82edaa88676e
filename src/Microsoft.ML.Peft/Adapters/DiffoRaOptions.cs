using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="DiffoRa"/>.</summary>
[AdapterMethod(
    "DIFFORA", AdapterFamily.LowRank, Title = "DiffoRA", Paper = "arXiv:2502.08905", Formula = "W + (α/r)·B·A, own or shared, as a search decides",
    Trained = "r·(in + out) a selected layer and a kind of others", Merges = true)]
public sealed record DiffoRaOptions : AdapterOptions
{
    private const int FewestSearchSteps = 300;
    private const double SearchShare = 0.15;

    /// <summary>Rank r: 1 or more. Default 8.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 8, 16)]
    public int Rank { get; init; } = 8;

    /// <summary>Numerator α of the scale α/r, above 0. Default 16.</summary>
    [JsonPropertyName("lora_alpha"), SearchRange(4, 64, Logarithmic = true)]
    public double Alpha { get; init; } = 16;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Share ρ of the candidates that get a pair of their own: above 0 to 1. Default 0.5.</summary>
    [JsonPropertyName("keep_ratio"), SearchRange(0.25, 0.75)]
    public double KeepRatio { get; init; } = 0.5;

    /// <summary>What <see cref="KeepRatio"/> counts of. Default <c>per_layer</c>.</summary>
    [JsonPropertyName("selection")]
    public DiffoRaSelection Selection { get; init; }

    /// <summary>How a logit becomes a weight. Default <c>softmax</c>.</summary>
    [JsonPropertyName("relaxation")]
    public DiffoRaRelaxation Relaxation { get; init; }

    /// <summary>Steps of the search, before those of the run: 1 or more. Default null: 15 % of the run's, at least 300.</summary>
    [JsonPropertyName("search_steps")]
    public long? SearchSteps { get; init; }

    /// <summary>Steps of the search in which the logits wait for the pairs to move: 0 or more. Default 50.</summary>
    [JsonPropertyName("warmup_search_steps")]
    public long WarmupSearchSteps { get; init; } = 50;

    /// <summary>Learning rate of the logits (Adam), above 0. Default 0.01.</summary>
    [JsonPropertyName("arch_lr")]
    public double ArchitectureLearningRate { get; init; } = 1e-2;

    /// <summary>β₁ and β₂ of the logits' Adam: 0 to below 1. Default 0.5 and 0.999.</summary>
    [JsonPropertyName("arch_betas")]
    public IReadOnlyList<double> ArchitectureBetas { get; init; } = [0.5, 0.999];

    /// <summary>Weight decay of the logits, added to their gradient: 0 or more. Default 0.001.</summary>
    [JsonPropertyName("arch_weight_decay")]
    public double ArchitectureWeightDecay { get; init; } = 1e-3;

    /// <summary>Look one step of the pairs ahead when the logits are trained, for four more passes a step. Default false.</summary>
    [JsonPropertyName("second_order")]
    public bool SecondOrder { get; init; }

    /// <summary>Give the layers that are not selected a pair that those of a kind share; false for none. Default true.</summary>
    [JsonPropertyName("share_unselected")]
    public bool SharesUnselected { get; init; } = true;

    /// <summary>Start with new pairs after the search; false to go on with the searched ones times their weights. Default true.</summary>
    [JsonPropertyName("reinit_after_search")]
    public bool StartsAnew { get; init; } = true;

    /// <summary>Seed by which rows are held back, and of the numbers after the search. Default 0.</summary>
    [JsonPropertyName("split_seed")]
    public long SplitSeed { get; init; }

    /// <summary>Paths of the layers with a pair of their own; found by the search. Default null: to be searched for.</summary>
    [JsonPropertyName("selected_modules")]
    public IReadOnlyList<string>? SelectedModules { get; init; }

    /// <summary>Which pair each layer has, by path: its own path, the name of one that its kind shares, or null for none; found by the search. Default null.</summary>
    [JsonPropertyName("module_pairs")]
    public IReadOnlyDictionary<string, string?>? ModulePairs { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.Positive(KeepRatio);
        Guard.InRange(KeepRatio, 0.0, 1.0);
        Guard.AtLeast(SearchSteps ?? 1, 1, nameof(SearchSteps));
        Guard.AtLeast(WarmupSearchSteps, 0);
        Guard.Positive(ArchitectureLearningRate);
        Guard.AtLeast(ArchitectureWeightDecay, 0.0);
        if (ArchitectureBetas is not { Count: 2 } || !ArchitectureBetas.All(beta => beta is >= 0 and < 1))
        {
            throw new ArgumentException($"ArchitectureBetas is {string.Join(", ", ArchitectureBetas ?? [])}; it must be two numbers of 0 to below 1.");
        }
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions For(Backbone backbone) => TargetModules is null ? this with { TargetModules = TargetModules.AllLinear } : this;

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var matrix = new DifferentialAdaptationMatrix(this);
        var rows = new List<(string Block, List<DiffoRa> Candidates)>();
        foreach (var layer in build.Targets.Cast<LinearLayer>())
        {
            if (build.Places.Of(layer) is not { } place)
            {
                // Every layer is asked for, of which those outside the blocks have nothing to be compared with.
                if (TargetModules is { IsAllLinear: true })
                {
                    continue;
                }

                throw new PeftException($"DiffoRA chooses among the layers of a block, and '{layer.Path}' is in none; leave it out of TargetModules.");
            }

            var candidate = new DiffoRa(layer, place.Name, this, matrix, build.Initialization);
            if (rows.FindIndex(row => row.Block == place.Block) is >= 0 and var known)
            {
                rows[known].Candidates.Add(candidate);
            }
            else
            {
                rows.Add((place.Block, [candidate]));
            }
        }

        if (SelectedModules is null && rows.Count > 0 && rows.All(row => row.Candidates.Count == 1)
            && (Selection, Relaxation) != (DiffoRaSelection.Global, DiffoRaRelaxation.Sigmoid))
        {
            throw new PeftException($"DiffoRA chooses among the layers of a block, and each block has one target alone, the first of them '{rows[0].Candidates[0].Path}'; name two layers of a block or more in TargetModules, or choose over the whole model: Selection global with Relaxation sigmoid.");
        }

        matrix.Take([.. rows.Select(row => row.Candidates)], build.Initialization);
        if (SelectedModules is { } selected)
        {
            var unknown = selected.Except(matrix.Candidates.Select(c => c.Path)).ToArray();
            if (unknown.Length > 0)
            {
                throw new PeftException($"SelectedModules names {string.Join(", ", unknown)}, which DiffoRA does not go on here.");
            }

            matrix.Discretise([.. matrix.Candidates.Select(c => selected.Contains(c.Path))], build.Initialization);
            if (ModulePairs is { } pairs && matrix.Pairs.FirstOrDefault(pair => !pairs.TryGetValue(pair.Key, out var other) || other != pair.Value) is { Key: { } path } wrong)
            {
                throw new PeftException($"ModulePairs has '{pairs.GetValueOrDefault(path) ?? "none"}' for '{path}', which by SelectedModules has '{wrong.Value ?? "none"}'; leave ModulePairs out, or make them agree.");
            }
        }

        return [matrix, .. matrix.Candidates];
    }

    /// <summary>The search; none where its result is known.</summary>
    protected internal override AdapterTraining? CreateTraining(AdapterSet adapter)
        => SelectedModules is null && Matrix(adapter) is { } matrix ? new DiffoRaTraining(this, matrix, adapter) : null;

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
        => Matrix(adapter) is { IsDiscrete: true } matrix ? this with { SelectedModules = matrix.Selected, ModulePairs = matrix.Pairs } : this;

    /// <summary>Steps of the search before a run of a count of steps.</summary>
    internal long SearchStepsOf(long totalSteps) => SearchSteps ?? Math.Max(FewestSearchSteps, (long)(SearchShare * totalSteps));

    private static DifferentialAdaptationMatrix? Matrix(AdapterSet adapter) => adapter.Adapters.OfType<DifferentialAdaptationMatrix>().FirstOrDefault();
}
