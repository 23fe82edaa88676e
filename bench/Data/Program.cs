using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Bench.Data;

/// <summary>
/// How fast rows come out of a text file: 1 million rows of 5 columns, every value read, on one thread.
/// Arguments: [rows] [least rows a second of processor time, else exit code 1].
/// </summary>
internal static class Program
{
    private const int Rounds = 3;

    private sealed class Row
    {
        [LoadColumn(0)] public string Text { get; set; } = "";
        [LoadColumn(1)] public float Single { get; set; }
        [LoadColumn(2)] public double Double { get; set; }
        [LoadColumn(3)] public int Number { get; set; }
        [LoadColumn(4)] public bool Flag { get; set; }
    }

    private static int Main(string[] args)
    {
        int rows = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
        double least = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 0;
        string file = Path.GetTempFileName();
        try
        {
            Write(file, rows);
            Console.WriteLine($"{rows} rows, {new FileInfo(file).Length / 1e6:0.0} MB");
            double cursor = Best("cursor, five getters", rows, () => Read(file));
            Best("CreateEnumerable, one object reused", rows, () => Enumerate(file));
            if (cursor >= least)
                return 0;
            Console.WriteLine($"that is below {least:0} rows a second");
            return 1;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Write(string file, int rows)
    {
        var random = new Random(1);
        string[] words = ["library", "for", "sound", "and", "pictures", "network", "tools", "common", "files", "development"];
        using var writer = new StreamWriter(file);
        writer.WriteLine("Text\tSingle\tDouble\tNumber\tFlag");
        for (int i = 0; i < rows; i++)
        {
            for (int w = random.Next(3, 9); w > 0; w--)
            {
                writer.Write(words[random.Next(words.Length)]);
                writer.Write(w > 1 ? ' ' : '\t');
            }
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{random.NextSingle() * 100}\t{random.NextDouble()}\t{random.Next(-100000, 100000)}\t{i & 1}"));
        }
    }

    private static double Best(string name, int rows, Func<double> read)
    {
        double rate = 0, wall = 0;
        for (int round = 0; round < Rounds; round++)
        {
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            var watch = Stopwatch.StartNew();
            double sum = read();
            double cpu = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
            if (!double.IsFinite(sum))
                throw new InvalidOperationException("The sum of what was read is no number.");
            rate = Math.Max(rate, rows / cpu);
            wall = Math.Max(wall, rows / watch.Elapsed.TotalSeconds);
        }
        Console.WriteLine($"{name}: {rate:0} rows a second of processor time, {wall:0} of wall time (best of {Rounds})");
        return rate;
    }

    private static IDataView Load(string file) => new MLContext(1).Data.LoadFromTextFile<Row>(file, hasHeader: true);

    private static double Read(string file)
    {
        var view = Load(file);
        double sum = 0;
        using var cursor = view.GetRowCursor(view.Schema);
        var text = cursor.GetGetter<ReadOnlyMemory<char>>(view.Schema["Text"]);
        var single = cursor.GetGetter<float>(view.Schema["Single"]);
        var real = cursor.GetGetter<double>(view.Schema["Double"]);
        var number = cursor.GetGetter<int>(view.Schema["Number"]);
        var flag = cursor.GetGetter<bool>(view.Schema["Flag"]);
        ReadOnlyMemory<char> t = default;
        float s = 0;
        double d = 0;
        int n = 0;
        bool f = false;
        while (cursor.MoveNext())
        {
            text(ref t);
            single(ref s);
            real(ref d);
            number(ref n);
            flag(ref f);
            sum += t.Length + s + d + n + (f ? 1 : 0);
        }
        return sum;
    }

    private static double Enumerate(string file)
    {
        double sum = 0;
        foreach (var row in new MLContext(1).Data.CreateEnumerable<Row>(Load(file), reuseRowObject: true))
            sum += row.Text.Length + row.Single + row.Double + row.Number + (row.Flag ? 1 : 0);
        return sum;
    }
}
