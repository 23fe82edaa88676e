using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Models from which silent heads are removed.</summary>
[TestClass]
public sealed class HeatRemovalTests
{
    private DisposeScope _scope = null!;
    private string _folder = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        (_scope, _folder) = (NewDisposeScope(), Directory.CreateTempSubdirectory("peft-heat-cut-").FullName);
    }

    [TestCleanup]
    public void Close()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    [DataRow("distilbert")]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("ast")]
    public void A_model_without_silent_heads_is_smaller_and_computes_the_same(string name)
    {
        using var golden = Load(name);
        var heads = golden.Model.Backbone.Blocks[0].Heads;
        using var set = Silent(golden, [[0, heads.Heads - 1], .. golden.Model.Backbone.Blocks.Skip(1).Select(_ => (int[])[1])]);
        var masked = Logits(golden, set);
        Tensor expected;
        using (set.Merge())
        {
            expected = Logits(golden); // zeros in the columns after silent heads
        }

        Golden.Close.Assert(masked, expected, "merged");

        MergedModelFolder.Write(golden.Model, set, Source(name), _folder, removesSilentHeads: true);

        Assert.AreEqual("[0," + (heads.Heads - 1) + "]", Config()["pruned_heads"]!["0"]!.ToJsonString());
        using var cut = PretrainedModel.Load(_folder, golden.Kind);
        Same(expected, golden, cut);
        var (wide, size) = (golden.Model.Backbone.HiddenSize, heads.Size);
        var gone = golden.Model.Backbone.Blocks.Count + 1; // four matrices and three biases each
        Assert.AreEqual(Count(golden.Model) - (gone * size * ((4L * wide) + 3)), Count(cut));
        Assert.AreEqual(heads.Heads - 2, cut.Backbone.Blocks[0].Heads.Heads);
    }

    [TestMethod]
    public void More_heads_can_be_removed_later_and_are_counted_as_at_first()
    {
        using var golden = Load("bert");
        using (var set = Silent(golden, [[1], []]))
        {
            MergedModelFolder.Write(golden.Model, set, Source("bert"), _folder, removesSilentHeads: true);
        }

        using var cut = PretrainedModel.Load(_folder, golden.Kind);
        using var again = AdapterSet.Create("y", Options([[1], [3]]), cut.Backbone, new CopiedModules([], []), 1); // heads 2 and 3 of the first model
        Randomize(again);
        var expected = Forward(golden, cut, again);
        var second = Path.Combine(_folder, "second");
        MergedModelFolder.Write(cut, again, _folder, second, removesSilentHeads: true);

        using var twice = PretrainedModel.Load(second, golden.Kind);
        Same(expected, golden, twice);
        Assert.AreEqual("""{"0":[1,2],"1":[3]}""", JsonNode.Parse(File.ReadAllText(Path.Combine(second, "config.json")))!["pruned_heads"]!.ToJsonString());
    }

    [TestMethod]
    public void What_cannot_be_removed_is_said()
    {
        using var swin = Load("swin");
        using var four = Silent(swin, [.. swin.Model.Backbone.Blocks.Select(_ => (int[])[0])]);
        StringAssert.Contains(Refused(swin, four), "Heads of a model of type 'swin' are not removed; that is done for audio-spectrogram-transformer, bert");
        using var bert = Load("bert");
        using var none = Silent(bert, [[], []]);
        StringAssert.Contains(Refused(bert, none), "silences no head");
        using var shares = Set(bert, Options([[0], [0]]) with { Mask = HeadMasking.Delta });
        StringAssert.Contains(Refused(bert, shares), "the mask 'output'");
        Assert.IsEmpty(Directory.GetFiles(_folder));

        string Refused(GoldenModel golden, AdapterSet set)
            => Assert.ThrowsExactly<PeftException>(() => MergedModelFolder.Write(golden.Model, set, Source("bert"), _folder, removesSilentHeads: true)).Message;
    }

    private static HeatOptions Options(IReadOnlyList<int[]> silent)
        => new() { SilentHeads = silent, HeadScores = [.. silent.Select(_ => (double[])[1, 1, 1, 1])], Adapter = new LoraOptions { Rank = 2, TargetModules = TargetModules.AllLinear } };

    private static AdapterSet Silent(GoldenModel golden, IReadOnlyList<int[]> silent)
    {
        var set = Set(golden, Options(silent));
        Randomize(set);
        return set;
    }

    private static string Source(string name) => Path.Combine(GoldenFolder.Root, name);

    private static long Count(PretrainedModel model) => model.Layers.SelectMany(layer => layer.Tensors()).Sum(part => part.Tensor.numel());

    private static Tensor Forward(GoldenModel golden, PretrainedModel model, params AdapterSet[] sets)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(sets);
        var output = model.Forward(golden.Inputs, context);
        return output[output.Names.First()];
    }

    private static void Same(Tensor expected, GoldenModel golden, PretrainedModel model) => Golden.Close.Assert(expected, Forward(golden, model), "cut", 1e-5);

    private JsonNode Config() => JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!;
}
