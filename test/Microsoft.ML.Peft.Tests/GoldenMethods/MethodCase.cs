using System.Text.Json;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Inputs;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

/// <summary>One recorded run of the authors' own code: options, tensors, tolerance.</summary>
internal sealed class MethodCase : IDisposable
{
    private readonly JsonDocument _json;
    private readonly Dictionary<string, Tensor> _tensors;

    private MethodCase(string path)
    {
        _json = JsonDocument.Parse(File.ReadAllText(path + ".json"));
        using var file = SafetensorsReader.Open(path + ".safetensors");
        _tensors = file.Entries.Keys.ToDictionary(name => name, file.Read, StringComparer.Ordinal);
        Tolerance = _json.RootElement.TryGetProperty("tolerance", out var tolerance) && tolerance.ValueKind == JsonValueKind.Number ? tolerance.GetDouble() : 1e-5;
    }

    /// <summary>The folder of all methods: PEFT_GOLDEN_METHODS, or the repository's own set.</summary>
    public static string Root { get; } = Environment.GetEnvironmentVariable("PEFT_GOLDEN_METHODS") is { Length: > 0 } given
        ? Directory.Exists(given) ? given : throw new DirectoryNotFoundException($"PEFT_GOLDEN_METHODS names '{given}', which does not exist.")
        : Path.Combine(TestArchive.Unpack("golden-methods.tar.br"), "golden-methods");

    /// <summary>What the case was run with.</summary>
    public JsonElement Options => _json.RootElement.GetProperty("options");

    /// <summary>Largest difference relative to the largest recorded number.</summary>
    public double Tolerance { get; }

    /// <summary>A tensor of the case.</summary>
    public Tensor this[string name] => _tensors[name];

    /// <summary>Names of the tensors.</summary>
    public IEnumerable<string> Names => _tensors.Keys;

    /// <summary>Names of the cases of a method; of those whose name begins in a way where a prefix is given.</summary>
    public static IEnumerable<object[]> Cases(string slug, string prefix = "")
        => Directory.EnumerateFiles(Path.Combine(Root, slug), prefix + "*.json").Select(path => new object[] { Path.GetFileNameWithoutExtension(path) }).OrderBy(n => n[0]);

    public static MethodCase Load(string slug, string name) => new(Path.Combine(Root, slug, name));

    public bool Has(string name) => _tensors.ContainsKey(name);

    public int Int(string option) => Options.GetProperty(option).GetInt32();

    public double Number(string option) => Options.GetProperty(option).GetDouble();

    public bool Flag(string option) => Options.TryGetProperty(option, out var value) && value.ValueKind == JsonValueKind.True;

    /// <summary>The text of an option, or null where it has none.</summary>
    public string? Text(string option) => Options.TryGetProperty(option, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>The recorded base layer.</summary>
    public LinearLayer Layer(string path = "block.0.query", string prefix = "base.", int index = 0)
        => new(path, index, new DenseWeight(this[prefix + "weight"].clone()), Has(prefix + "bias") ? this[prefix + "bias"].clone() : null);

    /// <summary>The parts that a method makes for layers.</summary>
    public static List<Adapter> Parts(AdapterOptions options, params IReadOnlyList<LinearLayer> layers)
    {
        options.Validate();
        using var initialization = new Initialization(3);
        var parts = options.CreateParts(new AdapterBuild([.. layers], initialization)).ToList();
        parts.ForEach(part => part.eval());
        return parts;
    }

    /// <summary>Puts recorded numbers into a parameter.</summary>
    public void Fill(Parameter parameter, string name)
    {
        using var _ = no_grad();
        CollectionAssert.AreEqual(this[name].shape, parameter.shape, name);
        parameter.copy_(this[name]);
    }

    /// <summary>Asserts that a tensor is as recorded.</summary>
    public void AssertClose(string name, Tensor? actual)
    {
        Assert.IsNotNull(actual, name);
        Golden.Close.Assert(this[name].to(ScalarType.Float32), actual.detach().to(ScalarType.Float32), name, Tolerance);
    }

    /// <summary>Runs the layer on the recorded input and compares output and input gradient; gradients of parameters are there afterwards.</summary>
    public void AssertForwardAndBackward(Func<Tensor, Tensor> forward, string output = "output", string inputGradient = "grad.input")
    {
        var x = this["input"].clone().requires_grad_(true);
        var y = forward(x);
        AssertClose(output, y);
        if (Has("cotangent"))
        {
            (y * this["cotangent"]).sum().backward();
            if (Has(inputGradient))
            {
                AssertClose(inputGradient, x.grad);
            }
        }
    }

    public void Dispose()
    {
        _json.Dispose();
        foreach (var tensor in _tensors.Values)
        {
            tensor.Dispose();
        }
    }
}
