using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Bench.Claims.Core;

/// <summary>Result lines as the table of bench/claims.md; of several lines of a claim the last counts.</summary>
internal static class ClaimTable
{
    public static string Write(IEnumerable<string> lines)
    {
        var results = lines.Where(l => l.StartsWith('{')).Select(l => JsonSerializer.Deserialize<ClaimResult>(l)!).ToList();
        var text = new StringBuilder("| method | claim | figure | verdict | command |\n| --- | --- | --- | --- | --- |\n");
        foreach (var result in results.GroupBy(r => (r.Method, r.Claim)).Select(g => g.Last()).OrderBy(r => r.Method, StringComparer.Ordinal))
        {
            var verdict = result.Verdict.ToString().ToLowerInvariant();
            text.Append(CultureInfo.InvariantCulture, $"| {result.Method} | {result.Claim} | {result.Figure} | {verdict} | `bench/claims.sh 1 2 {result.Method}` |\n");
        }

        return text.ToString();
    }
}
