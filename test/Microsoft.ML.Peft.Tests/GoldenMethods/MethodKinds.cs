using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

/// <summary>The kinds of cases of each method. What a case is tells a tensor that no other kind of the method has, never the case's name, so that
/// other sets may name theirs as they like.</summary>
internal static class MethodKinds
{
    public const string Layer = "layer", Run = "run", Loss = "loss", Schedule = "schedule", Selection = "selection", Model = "model";

    public const string Attention = "attention", Branch = "branch", Prefix = "prefix", Bottleneck = "bottleneck";

    /// <summary>Stands for the cases of a kind that a set has none of; its test is skipped and says so.</summary>
    public const string None = "(none)";

    // The first kind that fits counts. A mark is the beginning of a tensor's name.
    private static readonly Dictionary<string, (string Kind, string Mark)[]> s_kinds = new(StringComparer.Ordinal)
    {
        ["clip-svd"] = [(Selection, "trainable."), (Attention, "base.in_proj_weight"), (Layer, "param.s")],
        ["diffusekrona"] = [(Layer, "param.A")],
        ["dylora"] = [(Run, "trace."), (Layer, "param.A")],
        ["hydra"] = [(Layer, "base.weight")],
        ["lily"] = [(Branch, "base.fc1."), (Model, "base.layer0."), (Layer, "param.lily_A")],
        ["llm-adapters"] = [(Prefix, "layer0.key"), (Layer, "param.lora_A"), (Bottleneck, "param.down")],
        ["loca"] = [(Schedule, "train.a"), (Run, "trace."), (Layer, "param.a")],
        ["loldu"] = [(Layer, "param.z")],
        ["mos"] = [(Layer, "param.A_pool")],
        ["neat"] = [(Layer, "param.A")],
        ["paca"] = [(Run, "trace."), (Layer, "param.P")],
        ["randlora"] = [(Layer, "param.lambda")],
        ["tlora"] = [(Loss, "step0."), (Layer, "base.weight")],
        ["triadaptlora"] = [(Run, "trace."), (Schedule, "norms"), (Layer, "param.A0")],
    };

    /// <summary>The methods, each with its kinds.</summary>
    public static IEnumerable<(string Slug, IEnumerable<string> Kinds)> All => s_kinds.Select(method => (method.Key, method.Value.Select(kind => kind.Kind)));

    /// <summary>Names of a method's cases of a kind; one of which there is no case gives <see cref="None"/>.</summary>
    public static IEnumerable<object[]> Cases(string slug, string kind)
        => Files(slug, "json").Where(name => KindOf(slug, name) == kind).DefaultIfEmpty(None).Select(name => new object[] { name });

    /// <summary>Names of a method's files with an ending, sorted; none where the set lacks the method.</summary>
    public static IEnumerable<string> Files(string slug, string ending)
        => Directory.Exists(Path.Combine(MethodCase.Root, slug))
            ? Directory.EnumerateFiles(Path.Combine(MethodCase.Root, slug), "*." + ending).Select(path => Path.GetFileNameWithoutExtension(path))
                .Order(StringComparer.Ordinal)
            : [];

    /// <summary>The kind of a case, or null where no kind fits or the tensors are missing.</summary>
    public static string? KindOf(string slug, string name)
    {
        var path = Path.Combine(MethodCase.Root, slug, name + ".safetensors");
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = SafetensorsReader.Open(path);
        var names = file.Entries.Keys.ToList();
        return s_kinds[slug].FirstOrDefault(kind => names.Exists(name => name.StartsWith(kind.Mark, StringComparison.Ordinal))).Kind;
    }

    /// <summary>What a case of a method must have one of.</summary>
    public static string Marks(string slug) => string.Join(", ", s_kinds[slug].Select(kind => $"'{kind.Mark}' ({kind.Kind})"));
}
