using System.Text.Json.Serialization;

namespace Bench.Claims.Core;

/// <summary>What came of a claim.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
internal enum Verdict
{
    /// <summary>The claim does not hold in this experiment.</summary>
    Not,

    /// <summary>Some of it holds; the figure says what.</summary>
    Partly,

    /// <summary>It holds.</summary>
    Reproduced,
}

/// <summary>One row of bench/claims.md.</summary>
/// <param name="Method">The method.</param>
/// <param name="Claim">What is claimed, in this experiment's terms.</param>
/// <param name="Figure">What was measured, with its interval.</param>
/// <param name="Verdict">Whether that bears the claim out.</param>
internal sealed record ClaimResult(string Method, string Claim, string Figure, Verdict Verdict)
{
    /// <summary>Reproduced if every condition holds, not if none does, else partly.</summary>
    public static Verdict Of(params IReadOnlyList<bool> conditions)
        => conditions.All(c => c) ? Verdict.Reproduced : conditions.Any(c => c) ? Verdict.Partly : Verdict.Not;
}
