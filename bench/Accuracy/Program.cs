using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Bench.Accuracy;
using Microsoft.ML.Peft;
using static TorchSharp.torch;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
var model = new Option<string>("--model") { Description = "Folder of the base model", Required = true };
var data = new Option<string>("--data") { Description = "Folder with debian-sections.train.tsv and .test.tsv", Required = true };
var method = new Option<string>("--method") { Description = "A name of methods.json", Required = true };
var threads = new Option<int>("--threads") { Description = "Threads of libtorch", DefaultValueFactory = _ => Environment.ProcessorCount };
var seeds = new Option<int>("--seeds") { Description = "Runs of the chosen learning rate", DefaultValueFactory = _ => 3 };
var epochs = new Option<int>("--epochs") { Description = "Passes over the data; half as many while tuning", DefaultValueFactory = _ => 6 };
var results = new Argument<string[]>("results") { Description = "Files of result lines, one a run, each with a line of 'lora'", Arity = ArgumentArity.OneOrMore };

var list = new Command("list", "Prints the names of methods.json.");
list.SetAction(_ => Console.WriteLine(string.Join('\n', Candidates.Read().Select(c => c.Name))));

var plan = new Command("plan", "Prints how many numbers each method would train, or why it cannot be used here.") { model, data };
plan.SetAction(arguments =>
{
    var experiment = new Experiment(arguments.GetRequiredValue(model), arguments.GetRequiredValue(data), 1);
    foreach (var candidate in Candidates.Read())
    {
        try
        {
            Console.WriteLine($"{candidate.Name}: {experiment.Trainable(candidate):N0}");
        }
        catch (Exception error) when (error is PeftException or ArgumentException)
        {
            Console.WriteLine($"{candidate.Name}: {error.Message}");
        }
    }
});

var run = new Command("run", "Tunes the learning rate of a method on a tenth of the training rows, then trains with several seeds; prints one line of JSON.")
{
    model, data, method, threads, seeds, epochs,
};
run.SetAction(arguments =>
{
    set_num_threads(arguments.GetRequiredValue(threads));
    var name = arguments.GetRequiredValue(method);
    var candidate = Candidates.Read().SingleOrDefault(c => c.Name == name);
    if (candidate is null)
    {
        Console.Error.WriteLine($"error: methods.json has no '{name}'.");
        return 2;
    }

    try
    {
        var experiment = new Experiment(arguments.GetRequiredValue(model), arguments.GetRequiredValue(data), arguments.GetRequiredValue(epochs));
        Console.WriteLine(JsonSerializer.Serialize(experiment.Run(candidate, arguments.GetRequiredValue(seeds))));
        return 0;
    }
    catch (Exception error) when (error is PeftException or ArgumentException or FormatException or IOException)
    {
        Console.Error.WriteLine($"error: {name}: {error.Message}");
        return 1;
    }
});

var table = new Command("table", "Prints result files as one table; times and memory are compared with the LoRA of the same run.") { results };
table.SetAction(arguments => Console.Write(ResultTable.Write(arguments.GetRequiredValue(results).Select(File.ReadLines))));

return new RootCommand("Accuracy, cost and time of every method on the same task.") { list, plan, run, table }.Parse(args).Invoke();
