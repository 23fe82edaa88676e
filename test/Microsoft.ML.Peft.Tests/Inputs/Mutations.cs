using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Damages files at random, and checks that reading them ends soon, in little memory, with a result or one clear error.</summary>
internal static class Mutations
{
    private static readonly int[] Extremes = [0, 1, -1, 127, 128, 255, 256, 32767, 65535, int.MaxValue, int.MinValue, 0x01000000, 0x00FFFFFF];

    /// <summary>Reads <paramref name="count"/> damaged files; every error must be a <typeparamref name="TError"/>.</summary>
    /// <returns>How many could be read all the same.</returns>
    public static int Run<TError>(IReadOnlyList<byte[]> sources, Func<byte[], Random, byte[]> mutate, Action<byte[]> read, int count, long mostBytes)
        where TError : Exception
    {
        var fine = 0;
        for (var seed = 0; seed < count; seed++)
        {
            var random = new Random(seed);
            var damaged = mutate(sources[random.Next(sources.Count)], random);
            var (before, clock) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.StartNew());
            try
            {
                read(damaged);
                fine++;
            }
            catch (TError error)
            {
                Assert.IsGreaterThan(15, error.Message.Length, $"seed {seed}: {error.Message}");
            }
            catch (Exception error) when (error is not AssertFailedException)
            {
                Assert.Fail($"seed {seed}: {error}");
            }
            Assert.IsLessThan(10.0, clock.Elapsed.TotalSeconds, $"seed {seed}");
            Assert.IsLessThan(mostBytes, GC.GetAllocatedBytesForCurrentThread() - before, $"seed {seed}");
        }
        return fine;
    }

    /// <summary>Changes, cuts, repeats and moves bytes, more often at the start, where headers are.</summary>
    public static byte[] Bytes(byte[] source, Random random)
    {
        var bytes = source.ToList();
        for (var n = random.Next(1, 5); n > 0 && bytes.Count > 8; n--)
        {
            var at = random.Next(2) == 0 ? random.Next(bytes.Count) : random.Next(Math.Min(bytes.Count, 64));
            var length = random.Next(1, Math.Min(40, bytes.Count - at + 1));
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    var number = new byte[4];
                    var value = Extremes[random.Next(Extremes.Length)];
                    if (random.Next(2) == 0)
                        BinaryPrimitives.WriteInt32LittleEndian(number, value);
                    else
                        BinaryPrimitives.WriteInt32BigEndian(number, value);
                    for (var i = 0; i < 4 && at + i < bytes.Count; i++)
                        bytes[at + i] = number[i];
                    break;
                case 3:
                    bytes.RemoveRange(at, length);
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 5:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    var piece = bytes.GetRange(at, length);
                    bytes.InsertRange(random.Next(bytes.Count), piece);
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Replaces, drops, repeats and moves values of a JSON text; sometimes its bytes.</summary>
    public static byte[] Json(byte[] source, Random random)
    {
        if (random.Next(4) == 0)
            return Bytes(source, random);
        var root = JsonNode.Parse(source)!;
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var nodes = Below(root).Where(node => node.Parent != null).ToList();
            if (nodes.Count == 0)
                break;
            var node = nodes[random.Next(nodes.Count)];
            switch (random.Next(4))
            {
                case 0:
                    if (node.Parent is JsonObject holder)
                        holder.Remove(node.GetPropertyName());
                    else
                        node.Parent!.AsArray().RemoveAt(node.GetElementIndex());
                    break;
                case 1:
                    node.ReplaceWith(nodes[random.Next(nodes.Count)].DeepClone());
                    break;
                case 2 when node.Parent is JsonArray array:
                    array.Insert(random.Next(array.Count + 1), node.DeepClone());
                    break;
                default:
                    node.ReplaceWith(Value(random));
                    break;
            }
        }
        return System.Text.Encoding.UTF8.GetBytes(root.ToJsonString());
    }

    private static JsonNode? Value(Random random) => random.Next(12) switch
    {
        0 => null,
        1 => JsonValue.Create(Extremes[random.Next(Extremes.Length)]),
        2 => JsonValue.Create(1e300),
        3 => JsonValue.Create(0.5),
        4 => JsonValue.Create(""),
        5 => JsonValue.Create("(a+)+$|(b*)*c|(?=.*x)(.|\\s)*"),
        6 => JsonValue.Create("(?:(?:x{1000}){1000}){1000}"),
        7 => JsonValue.Create(new string('a', 5000)),
        8 => new JsonArray(),
        9 => new JsonObject(),
        10 => JsonValue.Create(random.Next(2) == 0),
        _ => JsonValue.Create("▁\u0000😀"),
    };

    private static IEnumerable<JsonNode> Below(JsonNode node)
    {
        yield return node;
        IEnumerable<JsonNode?> children = node switch
        {
            JsonObject o => o.Select(p => p.Value),
            JsonArray a => a,
            _ => [],
        };
        foreach (var below in children.OfType<JsonNode>().SelectMany(Below))
            yield return below;
    }
}
