using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>In which order a Kronecker product's outputs lie.</summary>
[JsonConverter(typeof(KronaLayoutConverter))]
public enum KronaLayout
{
    /// <summary>Output q·b₁ + p is row p of block q: the product A ⊗ B.</summary>
    Kron,

    /// <summary>Output p·a₁ + q is that row: the rows of A ⊗ B shuffled, as the authors' code trains them.</summary>
    Shuffled,
}

/// <summary>Settings of <see cref="DiffuseKrona"/>.</summary>
[AdapterMethod(
    "DIFFUSEKRONA", AdapterFamily.Additive, Title = "DiffuseKronA", Paper = "arXiv:2402.17412", Formula = "W + s·(A ⊗ B)", Trained = "a₁·a₂ + (out/a₁)·(in/a₂)", Merges = true)]
public sealed record DiffuseKronaOptions : LinearAdapterOptions
{
    private const long UsualSize = 256; // 64·4, the paper's

    /// <summary>Rows a₁ of A, a divisor of the outputs. Default null, together with <see cref="A2"/>: 64 × 4 where that divides the layer, else the
    /// divisors with a₁ ≥ a₂ whose product is nearest to 256, and a₁ nearest to 64 of several.</summary>
    [JsonPropertyName("a1")]
    public int? A1 { get; init; }

    /// <summary>Columns a₂ of A, a divisor of the inputs. Default null, together with <see cref="A1"/>.</summary>
    [JsonPropertyName("a2")]
    public int? A2 { get; init; }

    /// <summary>a₁ and a₂ of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("factor_pattern")]
    public IReadOnlyDictionary<string, IReadOnlyList<int>>? FactorPattern { get; init; }

    /// <summary>Factor s of the update, above 0. Default 1.</summary>
    [JsonPropertyName("scaling"), SearchRange(0.5, 4, Logarithmic = true)]
    public double Scaling { get; init; } = 1;

    /// <summary>Order of the outputs; shuffled only for numbers that the authors' code trained. Default: that of the Kronecker product.</summary>
    [JsonPropertyName("output_layout")]
    public KronaLayout Layout { get; init; }

    /// <summary>Share of the update's output rows that is dropped while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("rank_dropout"), SearchRange(0, 0.2)]
    public double RankDropout { get; init; }

    /// <summary>Probability with which a layer goes without the update in a training pass: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("module_dropout")]
    public double ModuleDropout { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (A1 is null != A2 is null)
        {
            throw new ArgumentException($"A1 is {Word(A1)} and A2 is {Word(A2)}; set both, or neither for the usual sizes.");
        }

        Guard.AtLeast(A1 ?? 1, 1, nameof(A1));
        Guard.AtLeast(A2 ?? 1, 1, nameof(A2));
        if (FactorPattern?.FirstOrDefault(f => f.Value is not [>= 1, >= 1]) is { Key: { } key } wrong)
        {
            throw new ArgumentException($"FactorPattern gives '{key}' the factors {string.Join(", ", wrong.Value ?? [])}; they must be two numbers of 1 or more, a1 and a2.");
        }

        Guard.Positive(Scaling);
        Guard.InRange(RankDropout, 0.0, 0.99);
        Guard.InRange(ModuleDropout, 0.0, 0.99);

        static string Word(int? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "not set";
    }

    /// <summary>Queries, keys, values and output of every attention.</summary>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
        => TargetSelection.AttentionNames(backbone.Layers);

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or Conv1dLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build) => new DiffuseKronaConvolution(layer, this, build);

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new DiffuseKrona(layer, this, build);

    /// <summary>a₁ and a₂ of a layer.</summary>
    /// <exception cref="PeftException">They do not divide it.</exception>
    internal (long A1, long A2) FactorsOf(string path, long outputs, long inputs)
    {
        var given = LayerPattern.Find(FactorPattern, path, A1 is { } first && A2 is { } second ? (int[])[first, second] : []);
        if (given.Count == 0)
        {
            return Usual(outputs, inputs);
        }

        Require(given[0], outputs, "a1", "outputs");
        Require(given[1], inputs, "a2", "inputs");
        return (given[0], given[1]);

        void Require(long factor, long size, string name, string what)
        {
            if (size % factor != 0)
            {
                throw new PeftException($"{name} is {factor} and '{path}' has {size} {what}; it must be one of their divisors {string.Join(", ", Divisors(size))}.");
            }
        }
    }

    /// <summary>The factors of the default.</summary>
    internal static (long A1, long A2) Usual(long outputs, long inputs)
        => outputs % 64 == 0 && inputs % 4 == 0 ? (64, 4)
            : (from first in Divisors(outputs)
               from second in Divisors(inputs)
               where first >= second
               orderby Math.Abs((first * second) - UsualSize), Math.Abs(first - 64)
               select (first, second)).First();

    private static IEnumerable<long> Divisors(long size)
    {
        for (var divisor = 1L; divisor <= size; divisor++)
        {
            if (size % divisor == 0)
            {
                yield return divisor;
            }
        }
    }
}

internal sealed class KronaLayoutConverter() : NamedStartConverter<KronaLayout>((KronaLayout.Kron, "kron"), (KronaLayout.Shuffled, "shuffled"));
