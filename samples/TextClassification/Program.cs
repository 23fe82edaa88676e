using System.CommandLine;
using Microsoft.ML.Peft;
using TextClassification;

var here = AppContext.BaseDirectory;
var model = new Option<string>("--model") { Description = "Folder of the base model", DefaultValueFactory = _ => Path.Combine(here, "models", "bert-docs") };
var train = new Option<string>("--train") { Description = "Training rows: section, package, description", DefaultValueFactory = _ => Path.Combine(here, "data", "debian-sections.train.tsv") };
var test = new Option<string>("--test") { Description = "Test rows", DefaultValueFactory = _ => Path.Combine(here, "data", "debian-sections.test.tsv") };
var output = new Option<string>("--out") { Description = "Folder for model.zip and adapter/", DefaultValueFactory = _ => "out" };
var epochs = new Option<int>("--epochs") { Description = "Passes over the training rows", DefaultValueFactory = _ => 6 };
var rate = new Option<double>("--lr") { Description = "Highest learning rate", DefaultValueFactory = _ => 3e-3 };
var headRate = new Option<double>("--head-lr") { Description = "Highest learning rate of the run that trains the head alone", DefaultValueFactory = _ => 1e-2 };
var rank = new Option<int>("--rank") { Description = "Rank of LoRA", DefaultValueFactory = _ => 8 };
var alpha = new Option<double>("--alpha") { Description = "Alpha of LoRA", DefaultValueFactory = _ => 16 };
var batch = new Option<int>("--batch-size") { Description = "Rows a step", DefaultValueFactory = _ => 32 };
var length = new Option<int>("--max-length") { Description = "Tokens a row", DefaultValueFactory = _ => 48 };

var root = new RootCommand("Fine-tunes a BERT with LoRA to tell the section of a Debian package from its description.")
{
    model, train, test, output, epochs, rate, headRate, rank, alpha, batch, length,
};
root.SetAction(arguments => Run(() => new MainJob(new Settings(
    arguments.GetRequiredValue(model), arguments.GetRequiredValue(train), arguments.GetRequiredValue(test), arguments.GetRequiredValue(output),
    arguments.GetRequiredValue(epochs), arguments.GetRequiredValue(rate), arguments.GetRequiredValue(headRate), arguments.GetRequiredValue(rank), arguments.GetRequiredValue(alpha),
    arguments.GetRequiredValue(batch), arguments.GetRequiredValue(length))).Run()));

var file = new Argument<string>("model.zip") { Description = "What ml.Model.Save wrote" };
var rows = new Argument<string>("rows.tsv") { Description = "Rows to predict: section, package, description" };
var predict = new Command("predict", "Loads a saved model and predicts the first rows of a file; one line of numbers a row.") { file, rows };
predict.SetAction(arguments => Run(() => SavedModel.Predict(arguments.GetRequiredValue(file), arguments.GetRequiredValue(rows))));
root.Subcommands.Add(predict);

return root.Parse(args).Invoke();

static int Run(Func<bool> job)
{
    try
    {
        return job() ? 0 : 1;
    }
    catch (Exception error) when (error is PeftException or ArgumentException or FormatException or InvalidOperationException or NotSupportedException
        or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"error: {error.Message}");
        return 1;
    }
}
