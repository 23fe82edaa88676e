using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Bench.Claims.Core;
using Microsoft.ML.Peft;
using static TorchSharp.torch;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var claims = typeof(IClaim).Assembly.GetTypes()
    .Where(type => type is { IsAbstract: false, IsInterface: false } && type.IsAssignableTo(typeof(IClaim)))
    .Select(type => (IClaim)Activator.CreateInstance(type)!)
    .OrderBy(claim => claim.Method, StringComparer.Ordinal)
    .ToList();

var method = new Argument<string>("method") { Description = "A name of 'list'" };
var seeds = new Option<int>("--seeds") { Description = "Runs of each arm", DefaultValueFactory = _ => 3 };
var effort = new Option<double>("--effort") { Description = "Factor of every count of steps; below 1 only to see whether it runs", DefaultValueFactory = _ => 1 };
var threads = new Option<int>("--threads") { Description = "Threads of libtorch", DefaultValueFactory = _ => Environment.ProcessorCount };
var models = new Option<string>("--models") { Description = "Folder with bert-docs and, for some, llama-docs and vit-icons", DefaultValueFactory = _ => "models" };
var data = new Option<string>("--data") { Description = "Folder with debian-sections", DefaultValueFactory = _ => "samples/data/debian-sections" };
var device = new Option<string>("--device") { Description = "cpu or cuda", DefaultValueFactory = _ => "cpu" };
var results = new Argument<string[]>("results") { Description = "Files of result lines", Arity = ArgumentArity.OneOrMore };

var list = new Command("list", "Prints the names of the methods.");
list.SetAction(_ => Console.WriteLine(string.Join('\n', claims.Select(c => c.Method))));

var run = new Command("run", "Runs the experiments of a method; prints one line of JSON a claim.") { method, seeds, effort, threads, models, data, device };
run.SetAction(arguments =>
{
    set_num_threads(arguments.GetRequiredValue(threads));
    var name = arguments.GetRequiredValue(method);
    if (claims.SingleOrDefault(c => c.Method == name) is not { } claim)
    {
        Console.Error.WriteLine($"error: there is no '{name}'; there are {string.Join(", ", claims.Select(c => c.Method))}.");
        return 2;
    }

    try
    {
        var settings = new ClaimSettings(
            arguments.GetRequiredValue(seeds), arguments.GetRequiredValue(effort), arguments.GetRequiredValue(models), arguments.GetRequiredValue(data), arguments.GetRequiredValue(device));
        var json = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        foreach (var result in claim.Run(settings))
        {
            Console.WriteLine(JsonSerializer.Serialize(result, json));
        }

        return 0;
    }
    catch (Exception error) when (error is PeftException or ArgumentException or FormatException or IOException)
    {
        Console.Error.WriteLine($"error: {name}: {error.Message}");
        return 1;
    }
});

var table = new Command("table", "Prints result files as the table of bench/claims.md.") { results };
table.SetAction(arguments => Console.Write(ClaimTable.Write(arguments.GetRequiredValue(results).SelectMany(File.ReadLines))));

return new RootCommand("Scaled-down experiments for what the papers of the methods claim.") { list, run, table }.Parse(args).Invoke();
