using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Bench.Load;
using static TorchSharp.torch;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
var folder = new Argument<string>("folder") { Description = "Folder of the model" };
var type = new Option<string>("--type") { Description = "Stored type: Float32 or BFloat16", DefaultValueFactory = _ => nameof(ScalarType.Float32) };
var python = new Option<string>("--python") { Description = "Python with torch", DefaultValueFactory = _ => "/usr/bin/python3" };
var peer = new Option<string>("--peer") { Description = "peer.py", Required = true };
var rounds = new Option<int>("--rounds") { Description = "Processes of each side", DefaultValueFactory = _ => 5 };
var cold = new Option<bool>("--cold") { Description = "Ask the system to forget the file before each process" };
var most = new Option<double?>("--max-memory") { Description = "Fail where the growth of resident memory is above this share of the weights" };

var root = new RootCommand("Times loading a model of 490 MB beside reading its file and beside PyTorch, and measures the peak memory.")
{
    Leaf("make", "Writes a model of random numbers.", [type], a => RandomModel.Write(a.GetRequiredValue(folder), Enum.Parse<ScalarType>(a.GetRequiredValue(type)))),
    Leaf("ours", "Loads it twice, in this process.", [], a => Console.WriteLine(JsonSerializer.Serialize(Sides.Ours(a.GetRequiredValue(folder))))),
    Leaf("raw", "Reads its file twice, in this process.", [], a => Console.WriteLine(JsonSerializer.Serialize(Sides.Raw(a.GetRequiredValue(folder))))),
};
var compare = new Command("compare", "Runs the sides in turns.") { folder, python, peer, rounds, cold, most };
compare.SetAction(Compare);
root.Add(compare);
return root.Parse(args).Invoke();

Command Leaf(string name, string description, Option[] options, Action<ParseResult> action)
{
    var command = new Command(name, description) { folder };
    foreach (var option in options)
        command.Add(option);
    command.SetAction(action);
    return command;
}

int Compare(ParseResult arguments)
{
    string model = arguments.GetRequiredValue(folder), file = Path.Combine(model, "model.safetensors"), self = Environment.ProcessPath!;
    string[] host = Path.GetFileNameWithoutExtension(self) == "dotnet" ? [typeof(Sides).Assembly.Location] : [];
    (string Name, Func<Measured> Run)[] sides =
    [
        ("ours", () => Child(self, [.. host, "ours", model])),
        ("PyTorch", () => Child(arguments.GetRequiredValue(python), [arguments.GetRequiredValue(peer), model])),
        ("raw read", () => Child(self, [.. host, "raw", model])),
    ];
    var results = sides.ToDictionary(side => side.Name, _ => new List<Measured>());
    for (int round = 0; round < arguments.GetRequiredValue(rounds); round++)
    {
        foreach (var (name, run) in round % 2 == 0 ? sides : sides.Reverse())
        {
            if (arguments.GetValue(cold))
                Process.Start("dd", [$"if={file}", "iflag=nocache", "count=0", "status=none"]).WaitForExit();
            results[name].Add(run());
        }
    }

    Console.WriteLine(FormattableString.Invariant(
        $"{new FileInfo(file).Length / 1e6:F0} MB in {file}, {results["ours"][0].WeightBytes / 1e6:F0} MB of weights in memory{(arguments.GetValue(cold) ? ", file not in the cache" : "")}"));
    foreach (var (name, runs) in results)
    {
        double first = Median(runs.Select(r => r.FirstMs)), second = Median(runs.Select(r => r.SecondMs));
        Console.Write(FormattableString.Invariant($"  {name,-8} {first,7:F0} ms, again {second,6:F0} ms"));
        if (name == "raw read")
            Console.WriteLine(" (first into one small buffer, again into fresh memory)");
        else
            Console.WriteLine(FormattableString.Invariant($"; resident before {Median(runs.Select(r => r.BeforeBytes / 1e6)),4:F0} MB, peak {Median(runs.Select(r => r.PeakBytes / 1e6)),4:F0} MB, growth {Growth(runs):F3} of the weights"));
    }
    double raw = Median(results["raw read"].Select(r => r.SecondMs)), ours = Median(results["ours"].Select(r => r.FirstMs));
    Console.WriteLine(FormattableString.Invariant(
        $"  ours / raw read into fresh memory {ours / raw:F2} (again {Median(results["ours"].Select(r => r.SecondMs)) / raw:F2}), ours / PyTorch {ours / Median(results["PyTorch"].Select(r => r.FirstMs)):F2}"));
    if (arguments.GetValue(most) is { } limit && !(Growth(results["ours"]) <= limit))
    {
        Console.Error.WriteLine(FormattableString.Invariant($"error: memory grows by {Growth(results["ours"]):F3} of the weights; the limit is {limit:F3}."));
        return 1;
    }
    return 0;
}

static Measured Child(string program, string[] arguments)
{
    using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
    string answer = process.StandardOutput.ReadToEnd();
    process.WaitForExit();
    return process.ExitCode == 0 ? JsonSerializer.Deserialize<Measured>(answer)! : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed; its message stands above.");
}

static double Growth(IEnumerable<Measured> runs) => Median(runs.Select(r => (double)(r.PeakBytes - r.BeforeBytes) / r.WeightBytes));

static double Median(IEnumerable<double> values)
{
    var sorted = values.Order().ToList();
    return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
}
