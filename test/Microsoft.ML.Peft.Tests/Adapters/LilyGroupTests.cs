using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Peft.Golden;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Which layers Lily counts as one kind, and in which order they are neighbours.</summary>
[TestClass]
public sealed class LilyGroupTests : GoldenMethodTests
{
    [TestMethod]
    public void Neighbours_share_A_all_of_a_kind_share_B_and_each_has_its_router()
    {
        var parts = Make(new[] { "query" }, [.. Enumerable.Range(0, 5).Select(k => Layer($"layers.{k}.query", k)), Layer("layers.5.query", 5, outputs: 3)]);

        CollectionAssert.AreEqual(new[] { 0, 0, 1, 1, 2, 3 }, Shared(parts, "lily_A")); // the last one has another size
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 0, 1 }, Shared(parts, "lily_B"));
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 3, 4, 5 }, Shared(parts, "lily_router"));
    }

    // Layers of their own have no model that could say what all-linear is called in a file.
    [TestMethod]
    public void A_pattern_makes_one_kind_and_all_linear_one_for_each_name()
    {
        LinearLayer[] layers = [Layer("layers.0.query", 0), Layer("layers.0.value", 1), Layer("layers.1.query", 2), Layer("layers.1.value", 3)];

        CollectionAssert.AreEqual(new[] { 0, 1, 0, 1 }, Shared(Make(TargetModules.AllLinear, layers), "lily_B"));
        CollectionAssert.AreEqual(new[] { 0, 1, 0, 1 }, Shared(Make(null, layers), "lily_B"));
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0 }, Shared(Make(TargetModules.Matching(".*(query|value)"), layers), "lily_B"));
    }

    [TestMethod]
    public void Of_several_names_the_longest_one_counts_in_any_order_and_a_name_is_whole_words()
    {
        LinearLayer[] layers = [Layer("layers.0.attn.proj", 0), Layer("layers.0.mlp.proj", 1), Layer("layers.0.q_proj", 2), Layer("layers.1.attn.proj", 3)];
        string[] names = ["proj", "attn.proj", "q_proj"];

        CollectionAssert.AreEqual(new[] { 0, 1, 2, 0 }, Shared(Make(names, layers), "lily_B"));
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 0 }, Shared(Make(names.Reverse().ToArray(), layers), "lily_B"));
    }

    // Where a pattern makes one kind of queries, keys and values, the order of the modules decides which are neighbours: Hugging Face has keys and values before queries beside
    // an out_proj.
    [TestMethod]
    public void Neighbours_are_those_of_Hugging_Faces_modules()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "opt", null));
        var options = new LilyOptions { Rank = 2, Stride = 2, TargetModules = TargetModules.Matching(@".*layers\.0\.self_attn\.[qkv]_proj") };
        using var adapter = AdapterSet.Create("a", options, golden.Model.Backbone, new CopiedModules([], []), 1);

        CollectionAssert.AreEqual(new[] { "q_proj", "k_proj", "v_proj" }, adapter.Adapters.Select(p => p.Path.Split('.')[^1]).ToArray()); // as they are computed
        CollectionAssert.AreEqual(new[] { 0, 1, 1 }, Shared(adapter.Adapters, "lily_A")); // k and v are neighbours, q comes after them
    }

    // Which of the distinct tensors each part has.
    private static int[] Shared(IEnumerable<Adapter> parts, string name)
    {
        var seen = new List<Parameter>();
        return [.. parts.Select(part => Named(part)[name]).Select(parameter =>
        {
            var place = seen.FindIndex(other => ReferenceEquals(other, parameter));
            seen.AddRange(place < 0 ? [parameter] : []);
            return place < 0 ? seen.Count - 1 : place;
        })];
    }

    private static List<Adapter> Make(TargetModules? targets, params IReadOnlyList<LinearLayer> layers)
        => MethodCase.Parts(new LilyOptions { Rank = 2, Stride = 2, TargetModules = targets }, layers);

    private static LinearLayer Layer(string path, int index, long outputs = 6) => new(path, index, new DenseWeight(randn(outputs, 6)), null);
}
