using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;

// Each command prints a line a workload: its name, seconds of processor time of the best round, and a number that tells whether
// the other side did the same work. bench/inputs.sh runs it beside its peers.
switch (args)
{
    case ["unpack", var archive, var folder]:
        using (var file = File.OpenRead(archive))
        using (var tar = new BrotliStream(file, CompressionMode.Decompress))
            TarFile.ExtractToDirectory(tar, folder, overwriteFiles: true);
        return 0;
    case ["tokenize", var texts, var rounds, .. var folders]:
        Tokenize(File.ReadAllLines(texts), int.Parse(rounds, CultureInfo.InvariantCulture), folders);
        return 0;
    case ["images", var folder, var rounds]:
        Images(folder, int.Parse(rounds, CultureInfo.InvariantCulture));
        return 0;
    default:
        Console.Error.WriteLine("usage: Bench.Inputs tokenize TEXTS ROUNDS FOLDER... | images FOLDER ROUNDS | unpack ARCHIVE FOLDER");
        return 2;
}

static void Tokenize(string[] texts, int rounds, string[] folders)
{
    foreach (var folder in folders)
    {
        var tokenizer = HuggingFaceTokenizer.Load(folder);
        var name = Path.GetFileName(folder);
        long sum = 0;
        Report(name, Best(rounds, () => sum = texts.Sum(text => Sum(tokenizer.Encode(text).Ids))), sum);
        Report($"{name} with offsets", Best(rounds, () => sum = texts.Sum(text => Sum(tokenizer.EncodeWithDetails(text).Ids))), sum);
    }

    // Places count, so that other ids or another order give another number.
    static long Sum(int[] ids)
    {
        var sum = 0L;
        for (var i = 0; i < ids.Length; i++)
            sum += ids[i] * (i + 1L) % 65521;
        return sum;
    }
}

static void Images(string folder, int rounds)
{
    var files = Directory.GetFiles(folder, "*.jpg").Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToArray();
    foreach (var resampling in new[] { Resampling.Bilinear, Resampling.Bicubic })
    {
        RgbImage[] images = [];
        var seconds = Best(rounds, () => images = Array.ConvertAll(files, bytes => Resizer.Resize(RgbImage.Decode(bytes), 224, 224, resampling)));
        Report($"JPEG to 224 x 224, {resampling.ToString().ToLowerInvariant()}", seconds, images.Sum(image => image.ToRgb24().Sum(b => (long)b)));
    }
}

static double Best(int rounds, Action work)
{
    work(); // compiled and cached before the clock starts
    var best = double.MaxValue;
    for (var i = 0; i < rounds; i++)
    {
        var before = Environment.CpuUsage.TotalTime;
        work();
        best = Math.Min(best, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
    }
    return best;
}

static void Report(string name, double seconds, long sum) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}\t{seconds:0.000000}\t{sum}"));
