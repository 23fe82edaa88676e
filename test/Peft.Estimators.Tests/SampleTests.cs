using System.Text.Json.Nodes;

namespace Peft.Estimators.Tests;

/// <summary>The text classification sample with bad input: one sentence on the error stream, exit code 1, no file written.</summary>
[TestClass]
public sealed class SampleTests
{
    private string _folder = null!;

    [TestInitialize]
    public void Open() => _folder = Directory.CreateTempSubdirectory("peft-").FullName;

    [TestCleanup]
    public void Close() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void A_missing_model_folder() => Refused("no/such/folder", "--model", "no/such/folder");

    [TestMethod]
    public void A_folder_without_config() => Refused("config.json", "--model", Model(folder => File.Delete(Path.Combine(folder, "config.json"))));

    [TestMethod]
    public void An_unknown_architecture() => Refused("'perceptron'", "--model", Model(folder => Edit(folder, "model_type", "perceptron")));

    [TestMethod]
    public void Truncated_weights() => Refused("model.safetensors", "--model", Model(folder =>
    {
        using var file = File.OpenWrite(Path.Combine(folder, "model.safetensors"));
        file.SetLength(file.Length - 1);
    }));

    [TestMethod]
    public void A_header_that_lies_about_its_length() => Refused("model.safetensors", "--model", Model(folder =>
    {
        using var file = File.OpenWrite(Path.Combine(folder, "model.safetensors"));
        file.Write([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    }));

    [TestMethod]
    public void A_tensor_of_the_wrong_shape() => Refused("1024", "--model", Model(folder => Edit(folder, "intermediate_size", 1000)));

    [TestMethod]
    public void A_missing_data_file() => Refused("The data file 'none.tsv' does not exist.", "--train", "none.tsv");

    [TestMethod]
    public void No_rows() => Refused("The training data has no row with a label.", "--train", Table());

    [TestMethod]
    public void A_single_class() => Refused("Label column 'Label' has a single class", "--train", Table("net\ta\tone", "net\tb\ttwo"));

    [TestMethod]
    public void A_setting_outside_its_range() => Refused("Epochs is 0", "--epochs", "0");

    [TestMethod]
    public void A_loss_that_is_no_number() => Refused("The loss is ", "--lr", "1e30");

    [TestMethod]
    public void A_model_file_that_is_none()
    {
        var file = Path.Combine(_folder, "model.zip");
        File.WriteAllText(file, "no zip");

        var (code, error) = Run("predict", file, Table("net\ta\tone"));

        Assert.AreEqual(1, code);
        StringAssert.StartsWith(error, "error: ");
    }

    private void Refused(string part, params string[] arguments)
    {
        var output = Path.Combine(_folder, "out");

        var (code, error) = Run([.. arguments, "--out", output]);

        Assert.AreEqual(1, code, error);
        StringAssert.StartsWith(error, "error: ");
        StringAssert.Contains(error, part);
        Assert.AreEqual(1, error.Trim().Split('\n').Length, error);
        Assert.IsFalse(Directory.Exists(output), "nothing is written");
    }

    private static (int Code, string Error) Run(params string[] arguments)
    {
        var (output, errors) = (Console.Out, Console.Error);
        using var caught = new StringWriter();
        try
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(caught);
            var main = typeof(TextClassification.Package).Assembly.EntryPoint!;
            return ((int)main.Invoke(null, [arguments])!, caught.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }

    private string Table(params string[] rows)
    {
        var path = Path.Combine(_folder, "rows.tsv");
        File.WriteAllLines(path, ["Section\tPackage\tDescription", .. rows]);
        return path;
    }

    private string Model(Action<string> spoil)
    {
        var folder = Path.Combine(_folder, "model");
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(Data.BaseModel))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        spoil(folder);
        return folder;
    }

    private static void Edit(string folder, string key, JsonNode value)
    {
        var path = Path.Combine(folder, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config[key] = value;
        File.WriteAllText(path, config.ToJsonString());
    }
}
