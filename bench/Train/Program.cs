using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Bench.Train;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
var workload = new Option<string>("--workload") { Description = "sample or long", DefaultValueFactory = _ => "long" };
var model = new Option<string>("--model") { Description = "Folder of the base model", Required = true };
var data = new Option<string>("--data") { Description = "Rows: section, package, description", Required = true };
var python = new Option<string>("--python") { Description = "Python with torch", DefaultValueFactory = _ => "/usr/bin/python3" };
var peer = new Option<string>("--peer") { Description = "peer.py", Required = true };
var rounds = new Option<int>("--rounds") { Description = "Turns of each side, the warm-up not counted", DefaultValueFactory = _ => 10 };
var steps = new Option<int>("--steps") { Description = "Steps a turn", DefaultValueFactory = _ => 10 };
var threads = new Option<int>("--threads") { Description = "Threads of each side", DefaultValueFactory = _ => Environment.ProcessorCount };
var precision = new Option<string>("--precision") { Description = "float32, or bfloat16 for the base model of both sides", DefaultValueFactory = _ => "float32" };
var most = new Option<double?>("--max-ratio") { Description = "Fail above this ratio of the medians" };

var root = new RootCommand("Times the training step of samples/TextClassification beside the same step in PyTorch.")
{
    workload, model, data, python, peer, rounds, steps, threads, precision, most,
};
root.SetAction(arguments =>
{
    try
    {
        return Run(arguments);
    }
    catch (Exception error) when (error is PeftException or ArgumentException or FormatException or IOException or InvalidOperationException)
    {
        Console.Error.WriteLine($"error: {error.Message}");
        return 1;
    }
});
return root.Parse(args).Invoke();

int Run(ParseResult arguments)
{
    set_num_threads(arguments.GetRequiredValue(threads));
    string folder = arguments.GetRequiredValue(model), file = arguments.GetRequiredValue(data);
    var half = arguments.GetRequiredValue(precision) switch
    {
        "float32" => false,
        "bfloat16" => true,
        var other => throw new ArgumentException($"The precision '{other}' is not known; there are: float32, bfloat16."),
    };
    var options = new TrainingOptions { LearningRate = 1e-3, WeightDecay = 0, MaxGradientNorm = 1, Schedule = LearningRateSchedule.Constant };
    using var classifier = TextClassifier.Load(folder, new ClassifierSettings
    {
        Adapter = new LoraOptions { Rank = 8, Alpha = 16 },
        Labels = Workload.ClassesOf(file),
        MaxLength = Workload.MaxLength,
        Precision = half ? ScalarType.BFloat16 : null,
    });
    var work = Workload.From(arguments.GetRequiredValue(workload), file, classifier, batchSize: 32, batches: 20);
    var folderOfWork = Directory.CreateTempSubdirectory("peft-bench-");
    try
    {
        classifier.SaveAdapter(folderOfWork.FullName);
        File.WriteAllText(Path.Combine(folderOfWork.FullName, "work.json"), JsonSerializer.Serialize(new
        {
            threads = arguments.GetRequiredValue(threads),
            classes = work.Classes.Count,
            bfloat16 = half,
            pad = classifier.Tokenizer.PadId,
            learning_rate = options.LearningRate,
            max_gradient_norm = options.MaxGradientNorm,
            batches = Enumerable.Range(0, work.BatchCount).Select(work.Batch)
                .Select(batch => new { rows = batch.Select(k => work.Rows[k]), labels = batch.Select(k => work.Labels[k]) }),
        }));
        using var theirs = new Peer(arguments.GetRequiredValue(python), arguments.GetRequiredValue(peer), folder, folderOfWork.FullName);
        using var ours = new Ours(classifier, work, options);
        if (theirs.TrainableCount != classifier.TrainableCount)
            throw new InvalidOperationException($"PyTorch trains {theirs.TrainableCount} numbers and we {classifier.TrainableCount}: not the same work.");
        return Compare(work, ours, theirs, half ? 5e-2 : 1e-4, arguments);
    }
    finally
    {
        folderOfWork.Delete(recursive: true);
    }
}

int Compare(Workload work, Ours ours, Peer theirs, double tolerance, ParseResult arguments)
{
    int perTurn = arguments.GetRequiredValue(steps);
    var (us, them) = (new List<Turn>(), new List<Turn>());
    for (int turn = 0; turn <= arguments.GetRequiredValue(rounds); turn++)
    {
        // A B, B A, A B, …: a drift of the machine hits both sides alike.
        if (turn % 2 == 0)
            us.Add(ours.Steps(perTurn));
        them.Add(theirs.Steps(perTurn));
        if (turn % 2 == 1)
            us.Add(ours.Steps(perTurn));
    }

    double difference = us.SelectMany(t => t.Losses).Zip(them.SelectMany(t => t.Losses), (a, b) => Math.Abs(a - b) / Math.Max(Math.Abs(b), 1e-3)).Max();
    double ourMedian = Median(us), theirMedian = Median(them), ratio = ourMedian / theirMedian;
    var lengths = Enumerable.Range(0, work.BatchCount).Select(b => work.Batch(b).Max(k => work.Rows[k].Length)).ToList();
    double tokens = work.Rows.Sum(r => r.Length) / (double)lengths.Sum(l => l * work.BatchSize);
    Console.WriteLine(FormattableString.Invariant(
        $"{work.Name}: batches of {work.BatchSize} × {lengths.Min()} to {lengths.Max()} tokens ({tokens:P0} of them not padding), {arguments.GetRequiredValue(precision)}, {arguments.GetRequiredValue(threads)} threads, {(us.Count - 1) * perTurn} steps a side, PyTorch {theirs.Version}"));
    double ourCpu = MedianCpu(us), theirCpu = MedianCpu(them);
    Console.WriteLine(FormattableString.Invariant($"  ours     {ourMedian,7:F2} ms a step, {ourCpu,7:F2} ms of processor time, peak RSS {us[^1].PeakMiB,5:F0} MiB"));
    Console.WriteLine(FormattableString.Invariant($"  PyTorch  {theirMedian,7:F2} ms a step, {theirCpu,7:F2} ms of processor time, peak RSS {them[^1].PeakMiB,5:F0} MiB"));
    Console.WriteLine(FormattableString.Invariant(
        $"  ratio {ratio:F3} ({ourCpu / theirCpu:F3} in processor time); losses from {us[0].Losses[0]:F4} to {us[^1].Losses[^1]:F4}, largest relative difference {difference:E1}"));
    if (!(difference <= tolerance))
    {
        Console.Error.WriteLine(FormattableString.Invariant($"error: the losses differ by more than {tolerance}: the two sides did not do the same work."));
        return 1;
    }
    if (arguments.GetValue(most) is { } limit && !(ratio <= limit))
    {
        Console.Error.WriteLine(FormattableString.Invariant($"error: the ratio {ratio:F3} is above {limit:F3}."));
        return 1;
    }
    return 0;
}

// The first turn warms both sides up.
static double Median(List<Turn> turns) => Middle(turns.Skip(1).SelectMany(t => t.Milliseconds));

static double MedianCpu(List<Turn> turns) => Middle(turns.Skip(1).Select(t => t.CpuMilliseconds / t.Milliseconds.Length));

static double Middle(IEnumerable<double> values)
{
    var sorted = values.Order().ToList();
    return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
}
