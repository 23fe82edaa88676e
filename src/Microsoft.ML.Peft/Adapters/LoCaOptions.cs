using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>What of <see cref="LoCa"/> is learnt.</summary>
public enum LoCaPhase
{
    /// <summary>Coefficients and their places.</summary>
    Both,

    /// <summary>The coefficients.</summary>
    Coefficients,

    /// <summary>The places of the coefficients.</summary>
    Locations,
}

/// <summary>How <see cref="LoCa"/> transforms; the results differ by rounding alone.</summary>
[JsonConverter(typeof(NameConverter<LoCaMode>))]
public enum LoCaMode
{
    /// <summary>The dense spectrum between two matrices: Θ(out·in·(out + in)).</summary>
    Default,

    /// <summary>The rows of both matrices that the coefficients name, without a matrix of the size of the weight: memory Θ(n·(out + in)), which is less than the
    /// dense form's for n below out·in/(out + in).</summary>
    Sparse,

    /// <summary>The dense spectrum through a fast transform: Θ(out·in·log(out·in)).</summary>
    Fast,
}

/// <summary>Settings of <see cref="LoCa"/>.</summary>
[AdapterMethod(
    "LOCA", AdapterFamily.Additive, Title = "LoCA", Paper = "arXiv:2502.06820", Formula = "W + α·C_outᵀ·S·C_in, S sparse at learnt places",
    Trained = "n, and 2·n while places are learnt", Merges = true)]
public sealed record LoCaOptions : BiasedOptions
{
    /// <summary>Count n of coefficients of a layer: 1 to out·in. Default 1000.</summary>
    [JsonPropertyName("n_frequency")]
    public long Frequencies { get; init; } = 1000;

    /// <summary>Scale α, finite and above 0. Default 1.</summary>
    [JsonPropertyName("scaling"), SearchRange(0.5, 8, Logarithmic = true)]
    public double Scaling { get; init; } = 1;

    /// <summary>B_s: steps at the start of a run in which coefficients and places take turns; 0 for places that stay as they are drawn. Default null: a tenth of
    /// the run's steps.</summary>
    [JsonPropertyName("learn_location_iter")]
    public long? LearnLocationSteps { get; init; }

    /// <summary>Steps of a turn of the coefficients, which have the first one: 1 or more. Default 10.</summary>
    [JsonPropertyName("coef_steps")]
    public int CoefficientSteps { get; init; } = 10;

    /// <summary>Steps of a turn of the places: 1 or more. Default 20.</summary>
    [JsonPropertyName("loc_steps")]
    public int LocationSteps { get; init; } = 20;

    /// <summary>Highest learning rate of the coefficients, above 0, where it is not to be the run's, which the head has. Default null: the run's.</summary>
    [JsonPropertyName("spectrum_lr")]
    public double? SpectrumLearningRate { get; init; }

    /// <summary>Highest learning rate of the locations, above 0. A layer whose longer side N is below 768 has 768/N times as much, so that a
    /// step moves places as far as on a larger one. Default 1e-4.</summary>
    [JsonPropertyName("location_lr"), SearchRange(3e-5, 1e-3, Logarithmic = true)]
    public double LocationLearningRate { get; init; } = 1e-4;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("loca_dropout")]
    public double Dropout { get; init; }

    /// <summary>How to transform. Default: <see cref="LoCaMode.Default"/>.</summary>
    [JsonPropertyName("dct_mode")]
    public LoCaMode Mode { get; init; }

    /// <summary>Seed of the places at the start. Default 0.</summary>
    [JsonPropertyName("init_seed")]
    public long Seed { get; init; }

    /// <summary>Write the locations too, from which training could go on with places between whole numbers. Default false.</summary>
    [JsonPropertyName("save_locations")]
    public bool SaveLocations { get; init; }

    /// <summary>What is learnt in a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="totalSteps">Steps of the run.</param>
    public LoCaPhase PhaseAt(long step, long totalSteps)
        => step >= (LearnLocationSteps ?? totalSteps / 10) || step % (CoefficientSteps + LocationSteps) < CoefficientSteps
            ? LoCaPhase.Coefficients
            : LoCaPhase.Locations;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Frequencies, 1);
        Guard.Positive(Scaling);
        Guard.AtLeast(LearnLocationSteps ?? 0, 0, nameof(LearnLocationSteps));
        Guard.AtLeast(CoefficientSteps, 1);
        Guard.AtLeast(LocationSteps, 1);
        Guard.Positive(LocationLearningRate);
        Guard.Positive(SpectrumLearningRate ?? 1, nameof(SpectrumLearningRate));
        Guard.InRange(Dropout, 0.0, 0.99);
        if (!Enum.IsDefined(Mode))
        {
            throw new ArgumentOutOfRangeException(nameof(Mode), $"Mode is {Mode}; it must be {string.Join(", ", Enum.GetNames<LoCaMode>())}.");
        }
    }

    /// <summary>Both counts: of the coefficients, as the paper has it, and of what is trained with their places.</summary>
    protected internal override IEnumerable<string> NotesOn(IReadOnlyList<Adapter> parts)
    {
        var count = Frequencies * parts.OfType<LoCa>().Count();
        return LearnLocationSteps == 0 ? []
            : [string.Create(CultureInfo.InvariantCulture, $"LoCA has {count:N0} coefficients, the count that its paper gives; with their places, which are learnt in the first steps, {3 * count:N0} numbers are trained.")];
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        // One stream for all layers, so that each has places of its own.
        using var places = build.Initialization.Seeded(Seed);
        var transform = new CosineTransform();
        foreach (var layer in build.Targets)
        {
            yield return new LoCa((LinearLayer)layer, this, build.Initialization, places, transform);
        }
    }

    /// <inheritdoc/>
    protected internal override AdapterTraining CreateTraining(AdapterSet adapter) => new LoCaTraining(adapter, this);
}
