namespace Repository.Tests;

/// <summary>Arrows between the rooms of the engine go one way (docs/architecture.md). What counts is the compiled code.</summary>
[TestClass]
public sealed class LayerTests
{
    private const string Engine = "Microsoft.ML.Peft";

    // What the types of a namespace may use besides their own room and the common types at the root: whole rooms, or names that
    // begin like this. docs/architecture.md says why Layers knows Adapters.Core.
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        ["Native"] = [],
        ["Checkpoints"] = ["Native"],
        ["Inputs"] = ["Checkpoints"],
        ["Quantization"] = ["Native"],
        ["Layers"] = ["Quantization", "Native", "Adapters.Core", "Adapters.AdapterOptions", "Inputs.TokenBatch", "Inputs.ModelInputs", "Checkpoints.SafetensorsEntry", "Checkpoints.ModelFormat"],
        ["Backbones"] = ["Layers", "Native", "Inputs", "Checkpoints.ModelFormat"],
        ["Heads"] = ["Backbones", "Layers", "Native", "Inputs", "Adapters.Core", "Checkpoints"],
        ["Adapters"] = ["Heads", "Backbones", "Layers", "Native", "Inputs", "Checkpoints", "Quantization"],
        ["Procedures"] = ["Training", "Heads", "Adapters", "Backbones", "Layers", "Native", "Checkpoints", "Inputs", "Quantization"],
        ["Training"] = ["Procedures", "Heads", "Adapters", "Backbones", "Layers", "Native", "Checkpoints", "Inputs", "Quantization"],
    };

    // Makers of inputs: what a model takes are the batches beside them.
    private static readonly string[] s_frontEnds = ["Inputs.Text.", "Inputs.Vision.", "Inputs.Audio."];

    [TestMethod]
    public void Rooms_of_the_engine_use_only_the_rooms_below()
    {
        using var assembly = new Metadata(Repository.Assemblies("src").Single(p => Path.GetFileNameWithoutExtension(p) == Engine));
        var pairs = new References(assembly).Pairs()
            .Where(p => IsEngine(p.User) && IsEngine(p.Used)).ToList();
        Assert.IsNotEmpty(pairs, "no type of the engine uses another one: the reading of references does not work");
        Assert.IsEmpty(Violations(pairs), string.Join('\n', Violations(pairs)));
    }

    [TestMethod]
    public void The_engine_knows_no_data_views()
    {
        using var assembly = new Metadata(Repository.Assemblies("src").Single(p => Path.GetFileNameWithoutExtension(p) == Engine));
        Assert.IsEmpty(assembly.References.Where(r => r.StartsWith("Microsoft.ML", StringComparison.Ordinal) && r != "Microsoft.ML.Tokenizers"));
    }

    [TestMethod]
    [DataRow("Layers.Linear", "Adapters.Lora", true, DisplayName = "layer uses adapter")]
    [DataRow("Layers.Linear", "Adapters.Core.LinearAdapter", false, DisplayName = "layer uses the contract of adapters")]
    [DataRow("Backbones.Bert", "Checkpoints.SafetensorsReader", true, DisplayName = "backbone opens files")]
    [DataRow("Backbones.Bert", "Inputs.Text.Tokenizer", true, DisplayName = "backbone reads text")]
    [DataRow("Backbones.Bert", "Inputs.TokenBatch", false, DisplayName = "backbone takes a batch")]
    [DataRow("Heads.Pooled", "Training.Trainer", true, DisplayName = "head trains")]
    [DataRow("Layers.Linear", "TextClassifier", true, DisplayName = "layer uses a root type that uses everything")]
    [DataRow("Misc.Thing", "Layers.Linear", true, DisplayName = "a room nobody planned")]
    [DataRow("Adapters.Lora", "Layers.Linear", false, DisplayName = "adapter uses layer")]
    [DataRow("Layers.Linear", "PeftException", false, DisplayName = "common type at the root")]
    public void A_wrong_arrow_is_found(string user, string used, bool wrong)
    {
        (string, string)[] pairs = [(Name(user), Name(used)), (Name("TextClassifier"), Name("Training.Trainer"))];
        Assert.AreEqual(wrong, Violations(pairs).Any());

        static string Name(string type) => $"{Engine}.{type}";
    }

    [TestMethod]
    public void References_in_code_and_in_signatures_are_found()
    {
        using var assembly = new Metadata(typeof(LayerTests).Assembly.Location);
        var used = new References(assembly).Pairs().Where(p => p.User == typeof(LayerTests).FullName).Select(p => p.Used).ToList();
        Assert.Contains(typeof(Metadata).FullName, used);     // a constructor call
        Assert.Contains(typeof(Repository).FullName, used);   // a static call
        Assert.DoesNotContain("Repository.Tests.SizeTests", used);
    }

    private static bool IsEngine(string type) => type.StartsWith(Engine + ".", StringComparison.Ordinal);

    /// <summary>The room of a type: the name below the engine's namespace, or "" at the root.</summary>
    private static string Room(string type)
    {
        string[] parts = type[(Engine.Length + 1)..].Split('.');
        return parts.Length == 1 ? "" : parts[0];
    }

    private static List<string> Violations(IReadOnlyCollection<(string User, string Used)> pairs)
    {
        // A type at the root that uses no room, not even through other root types, is common ground; the others stand above all rooms.
        var high = pairs.Where(p => Room(p.User).Length == 0 && Room(p.Used).Length > 0).Select(p => p.User).ToHashSet();
        while (pairs.Where(p => Room(p.User).Length == 0 && high.Contains(p.Used)).Select(p => p.User).Any(high.Add))
        {
        }
        return [.. pairs.Where(p => !IsAllowed(p.User, p.Used, high.Contains(p.Used))).Select(p => $"{p.User} must not use {p.Used}")];
    }

    private static bool IsAllowed(string user, string used, bool usedStandsAbove)
    {
        string from = Room(user), to = Room(used), name = used[(Engine.Length + 1)..];
        if (from.Length == 0 || from == to)
            return true;
        if (!s_mayUse.TryGetValue(from, out var allowed))
            return false;
        // The trainer trains what the root offers (TextClassifier).
        if (to.Length == 0)
            return !usedStandsAbove || from is "Training" or "Procedures";
        if (from is "Backbones" or "Heads" or "Adapters" && s_frontEnds.Any(f => name.StartsWith(f, StringComparison.Ordinal)))
            return false;
        return allowed.Any(a => a == to || (a.Contains('.') && name.StartsWith(a, StringComparison.Ordinal)));
    }
}
