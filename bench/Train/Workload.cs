using Microsoft.ML.Peft;

namespace Bench.Train;

/// <summary>The batches that both sides train on: rows of token ids and their labels.</summary>
internal sealed record Workload(string Name, IReadOnlyList<string> Classes, int[][] Rows, long[] Labels, int BatchSize)
{
    public const int MaxLength = 48;

    public int BatchCount => Rows.Length / BatchSize;

    /// <summary>Indices of the rows of a batch.</summary>
    public int[] Batch(int index) => [.. Enumerable.Range(index % BatchCount * BatchSize, BatchSize)];

    /// <summary>The class names of a file "section, package, description", in order.</summary>
    public static IReadOnlyList<string> ClassesOf(string file) => [.. Read(file).Select(r => r.Section).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>
    /// Cuts a file into batches. "sample": rows as the trainer batches them, of about one length, padded to the longest of the
    /// batch. "long": every batch is 48 tokens wide; its rows are descriptions strung together, from 48 tokens down to 4 in even
    /// steps, so that a good half of the batch is not padding.
    /// </summary>
    public static Workload From(string name, string file, TextClassifier model, int batchSize, int batches)
    {
        var all = Read(file).Take(batchSize * batches).ToList();
        if (all.Count < batchSize * batches)
            throw new ArgumentException($"{file} has {all.Count} rows; {batches} batches of {batchSize} need {batchSize * batches}.");
        int[][] rows;
        switch (name)
        {
            case "sample":
                var chunks = all.OrderBy(r => model.Encode(r.Text).Length).Chunk(batchSize).ToArray();
                new Random(0).Shuffle(chunks);
                all = [.. chunks.SelectMany(chunk => chunk)];
                rows = [.. all.Select(r => model.Encode(r.Text))];
                break;
            case "long":
                rows = [.. all.Select((_, index) => Joined(all, index, MaxLength - (index % batchSize * (MaxLength - 4) / (batchSize - 1))))];
                break;
            default:
                throw new ArgumentException($"The workload '{name}' is not known; there are: sample, long.");
        }
        var classes = model.Labels.Select((label, index) => (label, index)).ToDictionary(p => p.label, p => (long)p.index);
        return new Workload(name, model.Labels, rows, [.. all.Select(r => classes[r.Section])], batchSize);

        int[] Joined(List<(string Section, string Text)> texts, int index, int length)
        {
            var ids = model.Encode(string.Join(' ', Enumerable.Range(index, 8).Select(k => texts[k % texts.Count].Text)));
            return ids.Length <= length ? ids : [.. ids[..(length - 1)], ids[^1]];
        }
    }

    private static IEnumerable<(string Section, string Text)> Read(string file) =>
        File.ReadLines(file).Skip(1).Select(line => line.Split('\t')).Select(f => (f[0], f[2]));
}
