using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How LoRA's factors start: HF PEFT's <c>init_lora_weights</c>, which is true, false or a name.</summary>
[JsonConverter(typeof(Converter))]
public sealed record LoraStart
{
    private const string FastPissa = "pissa_niter_";

    private static readonly Dictionary<string, LoraStart> s_named = new(StringComparer.OrdinalIgnoreCase);

    private LoraStart(string name, object json) => (Name, Json) = (name, json);

    /// <summary>A Kaiming-uniform (a = √5), B zero: the identity.</summary>
    public static LoraStart Default { get; } = new("default", true);

    /// <summary>A and B Kaiming-uniform: not the identity; for tests.</summary>
    public static LoraStart Random { get; } = new("random", false);

    /// <summary>A normal with deviation 1/r, B zero: the identity.</summary>
    public static LoraStart Gaussian { get; } = Named("gaussian");

    /// <summary>PiSSA: the r largest singular directions of the weight; they are taken out of the base, so that the model starts as it was.
    /// Source: Meng, Wang and Zhang 2024, arXiv:2404.02948.</summary>
    public static LoraStart Pissa { get; } = Named("pissa");

    /// <summary>OLoRA: the first r directions of the weight's QR decomposition, taken out of the base. Source: Büyükakyüz 2024, arXiv:2406.01775.</summary>
    public static LoraStart Olora { get; } = Named("olora");

    /// <summary>B·A = 0 with A and B unlike zero, from one random rotation; r must be even: the identity.</summary>
    public static LoraStart Orthogonal { get; } = Named("orthogonal");

    /// <summary>MiCA: B are the r smallest left singular directions and stay as they are, A starts at zero and is trained: the identity.</summary>
    public static LoraStart Mica { get; } = Named("mica");

    /// <summary>EVA: A are the directions in which the inputs of the layer vary most, B is zero; ranks go to the layers where they explain most. Measured on training
    /// rows (<see cref="EvaOptions"/>). Source: Paischer et al. 2024, arXiv:2410.07170.</summary>
    public static LoraStart Eva { get; } = Named("eva");

    /// <summary>CorDA: directions of the weight times the covariance of its inputs, taken out of the base. Measured on training rows (<see cref="CordaOptions"/>).
    /// Source: Yang et al. 2024, arXiv:2406.05223.</summary>
    public static LoraStart Corda { get; } = Named("corda");

    /// <summary>LoRA-GA: directions of the gradient of the weight, taken out of the base. Measured on training rows (<see cref="LoraGaOptions"/>).
    /// Source: Wang, Yu and Li 2024, arXiv:2407.05000.</summary>
    public static LoraStart LoraGa { get; } = Named("lora_ga");

    /// <summary>LoftQ: the base is rounded to 4 or 8 bits, and the factors begin with what the rounding lost (<see cref="LoftQOptions"/>).
    /// Source: Li et al. 2023, arXiv:2310.08659.</summary>
    public static LoraStart LoftQ { get; } = Named("loftq");

    /// <summary>PiSSA by a randomised decomposition, which is faster on large weights: HF PEFT's <c>pissa_niter_16</c>.</summary>
    /// <param name="iterations">Power iterations: 0 or more; 16 is about as good as the exact start.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    public static LoraStart PissaIterated(int iterations)
    {
        Guard.AtLeast(iterations, 0);
        var name = string.Create(CultureInfo.InvariantCulture, $"{FastPissa}{iterations}");
        return new(name, name) { Iterations = iterations };
    }

    /// <summary>The name in messages.</summary>
    public string Name { get; }

    /// <summary>True where it is measured on training rows before the first step.</summary>
    public bool IsMeasured => this == Eva || this == Corda || this == LoraGa;

    /// <summary>Power iterations of a randomised decomposition, or null.</summary>
    internal int? Iterations { get; private init; }

    private object Json { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static LoraStart Named(string name) => s_named[name] = new(name, name);

    private sealed class Converter : JsonConverter<LoraStart>
    {
        public override LoraStart Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => reader.TokenType switch
            {
                JsonTokenType.True => Default,
                JsonTokenType.False => Random,
                JsonTokenType.String when s_named.TryGetValue(reader.GetString()!, out var named) => named,
                JsonTokenType.String when reader.GetString()!.StartsWith(FastPissa, StringComparison.OrdinalIgnoreCase)
                    && int.TryParse(reader.GetString()!.AsSpan(FastPissa.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
                    => PissaIterated(iterations),
                JsonTokenType.String => throw new PeftException(
                    $"init_lora_weights is '{reader.GetString()}', which is not supported; supported are true, false, {string.Join(", ", s_named.Keys)}, {FastPissa}N."),
                _ => throw new JsonException("init_lora_weights must be true, false or a text."),
            };

        public override void Write(Utf8JsonWriter writer, LoraStart value, JsonSerializerOptions options)
        {
            if (value.Json is bool flag)
            {
                writer.WriteBooleanValue(flag);
            }
            else
            {
                writer.WriteStringValue((string)value.Json);
            }
        }
    }
}
