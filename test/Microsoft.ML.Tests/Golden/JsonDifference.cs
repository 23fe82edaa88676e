using System.Text.Json;
using System.Text.Json.Nodes;

namespace FoundationTests.Golden;

/// <summary>Compares what was recorded with what is: numbers to 1e-9, vectors by their values whether dense or sparse.</summary>
internal static class JsonDifference
{
    private const double Tolerance = 1e-9;

    public static List<string> Of(JsonNode? expected, JsonNode? actual)
    {
        var differences = new List<string>();
        Compare(expected, actual, "", differences);
        return differences;
    }

    private static void Compare(JsonNode? expected, JsonNode? actual, string path, List<string> differences)
    {
        if (Vector(expected) is { } a && Vector(actual) is { } b && (expected is JsonObject || actual is JsonObject) && a.Length == b.Length)
        {
            for (int i = 0; i < a.Length; i++)
            {
                if (!(IsDefault(a[i]) && IsDefault(b[i])))
                    Compare(a[i], b[i], $"{path}/{i}", differences);
            }
            return;
        }
        if (expected is JsonObject x && actual is JsonObject y)
        {
            foreach (string key in x.Select(p => p.Key).Union(y.Select(p => p.Key)))
            {
                if (!x.ContainsKey(key))
                    differences.Add($"{path}/{key}: not expected");
                else if (!y.ContainsKey(key))
                    differences.Add($"{path}/{key}: missing");
                else
                    Compare(x[key], y[key], $"{path}/{key}", differences);
            }
            return;
        }
        if (expected is JsonArray p && actual is JsonArray q && p.Count == q.Count)
        {
            for (int i = 0; i < p.Count; i++)
                Compare(p[i], q[i], $"{path}/{i}", differences);
            return;
        }
        string s = expected?.ToJsonString() ?? "null", t = actual?.ToJsonString() ?? "null";
        if (s != t && !Near(expected, actual))
            differences.Add($"{path}: expected {Cut(s)}, got {Cut(t)}");
    }

    private static bool Near(JsonNode? expected, JsonNode? actual)
    {
        if (expected?.GetValueKind() != JsonValueKind.Number || actual?.GetValueKind() != JsonValueKind.Number)
            return false;
        double a = expected.GetValue<double>(), b = actual.GetValue<double>();
        return Math.Abs(a - b) <= Tolerance * Math.Max(1, Math.Max(Math.Abs(a), Math.Abs(b)));
    }

    private static string Cut(string text) => text.Length > 300 ? text[..300] + "…" : text;

    private static bool IsDefault(JsonNode? node) => node is null || node.ToJsonString() is "0" or "-0" or "-0.0" or "\"\"" or "false";

    private static JsonNode?[]? Vector(JsonNode? node)
    {
        if (node is JsonArray array)
            return array.ToArray();
        if (node is not JsonObject { Count: 3 } o || o["length"] is not { } length || o["indices"] is not JsonArray indices || o["values"] is not JsonArray values)
            return null;
        var all = new JsonNode?[(int)length];
        for (int i = 0; i < indices.Count; i++)
            all[(int)indices[i]!] = values[i];
        return all;
    }
}
