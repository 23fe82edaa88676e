using System.Text.Json;
using System.Text.Json.Nodes;
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
    // Parts of names that the layout gives to results. A tensor that has one and is not read would be a result that nothing compares.
    private static readonly HashSet<string> s_results = ["output", "grad", "merged", "init", "param", "base", "delta", "trace", "final", "effective", "loss", "trainable"];

    private readonly string _name;
    private readonly JsonDocument _json;
    private readonly Dictionary<string, Tensor> _tensors;
    private readonly HashSet<string> _read = [];

    private MethodCase(string slug, string name)
    {
        (_name, var path) = ($"{slug}/{name}", Path.Combine(Root, slug, name));
        _json = JsonDocument.Parse(File.ReadAllText(path + ".json"));
        using var file = SafetensorsReader.Open(path + ".safetensors");
        _tensors = file.Entries.Keys.ToDictionary(tensor => tensor, tensor => file.Read(tensor), StringComparer.Ordinal);
        Tolerance = _json.RootElement.TryGetProperty("tolerance", out var tolerance) && tolerance.ValueKind == JsonValueKind.Number
            ? tolerance.GetDouble()
            : throw new AssertFailedException($"{_name}.json has no number 'tolerance'.");
    }

    /// <summary>True for the repository's set, false for one that PEFT_GOLDEN_METHODS names.</summary>
    public static bool IsOwn => string.IsNullOrEmpty(Environment.GetEnvironmentVariable("PEFT_GOLDEN_METHODS"));

    /// <summary>The folder of all methods: PEFT_GOLDEN_METHODS, or the repository's own set.</summary>
    public static string Root { get; } = Environment.GetEnvironmentVariable("PEFT_GOLDEN_METHODS") is { Length: > 0 } given
        ? Directory.Exists(given) ? given : throw new DirectoryNotFoundException($"PEFT_GOLDEN_METHODS names '{given}', which does not exist.")
        : Path.Combine(TestArchive.Unpack("golden-methods.tar.br"), "golden-methods");

    /// <summary>Largest difference relative to the largest recorded number.</summary>
    public double Tolerance { get; }

    /// <summary>Names of the tensors.</summary>
    public IEnumerable<string> Names => _tensors.Keys;

    private JsonElement Options => _json.RootElement.GetProperty("options");

    /// <summary>A tensor of the case.</summary>
    public Tensor this[string name]
    {
        get
        {
            _read.Add(name);
            return _tensors.GetValueOrDefault(name) ?? throw new AssertFailedException($"{_name} has no tensor '{name}', which a case of its kind has.");
        }
    }

    /// <summary>The case; a test of <see cref="MethodKinds.None"/> is skipped.</summary>
    public static MethodCase Load(string slug, string name)
        => name != MethodKinds.None ? new(slug, name) : throw new AssertInconclusiveException(Lacks(slug, "this kind"));

    /// <summary>Why a test has nothing to compare.</summary>
    public static string Lacks(string slug, string kind) => $"The set '{Root}' has no case of {kind} for '{slug}'.";

    public bool Has(string name) => _tensors.ContainsKey(name);

    public JsonElement Option(string name)
        => TryOption(name) ?? throw new AssertFailedException($"{_name}.json has no option '{name}', which a case of its kind has.");

    /// <summary>An option, or null where it is missing or null.</summary>
    public JsonElement? TryOption(string name)
        => Options.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public int Int(string option) => Option(option).GetInt32();

    public double Number(string option) => Option(option).GetDouble();

    public bool Flag(string option) => TryOption(option)?.ValueKind == JsonValueKind.True;

    /// <summary>The text of an option, or null where it has none.</summary>
    public string? Text(string option) => TryOption(option) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public int[] Ints(string option) => [.. Option(option).EnumerateArray().Select(value => value.GetInt32())];

    /// <summary>The method's settings with the recorded options, read as a file's would be: by the names that files have, each with its check.</summary>
    /// <param name="except">Options that mean something else in the case than in a file.</param>
    public T Settings<T>(params IReadOnlyList<string> except)
        where T : AdapterOptions, new()
    {
        var fields = JsonNode.Parse(Options.GetRawText())!.AsObject();
        foreach (var name in fields.Where(field => field.Value is null).Select(field => field.Key).Concat(except).ToList())
        {
            fields.Remove(name);
        }

        fields["peft_type"] = new T().Method.Name;
        return (T)AdapterOptions.FromJson(fields.ToJsonString(), _name);
    }

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

    /// <summary>Puts recorded numbers into all parameters, and asserts that the case has no others.</summary>
    public void Fill(IEnumerable<(string Recorded, Parameter Parameter)> parameters)
    {
        var recordedNames = Names.Where(n => n.StartsWith("param.", StringComparison.Ordinal)).ToList();
        CollectionAssert.AreEquivalent(
            recordedNames, parameters.Select(p => "param." + p.Recorded).ToList(), $"{_name}: the recorded parameters are not those of the settings.");
        foreach (var (recorded, parameter) in parameters)
        {
            Fill(parameter, "param." + recorded);
        }
    }

    /// <summary>Asserts that a tensor is as recorded.</summary>
    public void AssertClose(string name, Tensor? actual)
    {
        Assert.IsNotNull(actual, name);
        Golden.Close.Assert(this[name].to(ScalarType.Float32), actual.detach().to(ScalarType.Float32), name, Tolerance);
    }

    /// <summary>Asserts that a tensor is as recorded, where the case has it.</summary>
    public void AssertCloseIfThere(string name, Func<Tensor?> actual)
    {
        if (Has(name))
        {
            AssertClose(name, actual());
        }
    }

    /// <summary>Asserts that whole numbers and flags are as recorded, without a tolerance.</summary>
    public void AssertEqual(string name, IEnumerable<long> actual) => CollectionAssert.AreEqual(Whole(name), actual.ToArray(), name);

    /// <summary>The whole numbers or flags of a tensor.</summary>
    public long[] Whole(string name) => this[name].to(ScalarType.Int64).flatten().contiguous().data<long>().ToArray();

    /// <summary>Runs the layer on the recorded input and compares output and input gradient; gradients of parameters are there afterwards.</summary>
    public void AssertForwardAndBackward(Func<Tensor, Tensor> forward, string output = "output", string inputGradient = "grad.input", string prefix = "")
    {
        var x = this[prefix + "input"].clone().requires_grad_(true);
        var y = forward(x);
        AssertClose(prefix + output, y);
        (y * this[prefix + "cotangent"]).sum().backward();
        AssertCloseIfThere(prefix + inputGradient, () => x.grad);
    }

    /// <summary>Asserts that each result of the case was compared.</summary>
    public void AssertAllRead()
    {
        var left = Names.Where(name => !_read.Contains(name)).ToList();
        if (left.Count > 0)
        {
            Console.WriteLine($"{_name}: not read: {string.Join(", ", left)}");
        }

        var results = left.Where(name => name.Split('.').Any(s_results.Contains)).ToList();
        Assert.IsEmpty(results, $"{_name} has results that its test does not compare: {string.Join(", ", results)}.");
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
