using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What Lily's layers share is in its files, once a layer or once, and is shared again when they are read.</summary>
[TestClass]
public sealed class LilyFolderTests
{
    private static readonly string[] s_few = ["bert", "llama", "roberta", "swin", "t5", "wav2vec2", "clip"];

    private static IEnumerable<string> All => GoldenCase.In(GoldenFolder.Of(GoldenFolder.First)).Where(c => c.Adapter is null).Select(c => c.Model);

    public static IEnumerable<object[]> Few => All.Intersect(s_few).Select(model => new object[] { model });

    public static IEnumerable<object[]> Others => All.Except(s_few).Select(model => new object[] { model });

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Files_have_a_shared_tensor_once_a_layer_or_once(bool compact)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
        using var adapter = Random(golden, new LilyOptions { Rank = 2, Stride = 2, Compact = compact });
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(adapter, folder.Path, null, "base");
        using var file = SafetensorsReader.Open(folder["adapter_model.safetensors"]);
        var layers = adapter.Adapters.Count;

        Assert.AreEqual(compact ? 2 : layers, file.Entries.Keys.Count(k => k.EndsWith("lily_B.weight", StringComparison.Ordinal))); // q and v
        Assert.AreEqual(layers, file.Entries.Keys.Count(k => k.EndsWith("lily_router.weight", StringComparison.Ordinal)));
    }

    // The file names the layers, so that these names must make the kinds that all-linear made.
    [TestMethod]
    [DynamicData(nameof(Few))]
    public void Every_linear_layer_comes_back_as_it_was_shared(string model) => ComesBack(model);

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Others))]
    public void So_it_does_on_the_other_families(string model) => ComesBack(model);

    [TestMethod]
    public void Layers_that_are_left_out_do_not_part_a_kind()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
        LilyOptions[] all =
        [
            new() { TargetModules = TargetModules.AllLinear, ExcludeModules = new[] { "layers.1.self_attn.q_proj" } },
            new() { TargetModules = TargetModules.AllLinear, LayersToTransform = new[] { 0 } },
        ];
        foreach (var options in all)
        {
            using var adapter = Random(golden, options with { Rank = 2 });
            CollectionAssert.AreEquivalent(new[] { "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj" }, adapter.Options!.TargetModules!.Names!.ToArray());
            AssertSame(golden, adapter);
        }
    }

    [TestMethod]
    public void Copies_of_a_shared_tensor_that_differ_are_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lily"));
        using var file = SafetensorsReader.Open(Path.Combine(golden.Case.Folder, "adapter_model.safetensors"));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => AdapterCheckpoint.ReadTensors(golden.Adapter!, "test", file.Entries, (key, tensor) =>
        {
            file.ReadInto(key, tensor);
            _ = key.Contains("layers.1.self_attn.q_proj.lily_B", StringComparison.Ordinal) ? tensor.add_(1) : tensor;
        }));

        StringAssert.Contains(error.Message, "differ; this method shares one tensor between those layers");
    }

    private static void ComesBack(string model)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Of(GoldenFolder.First), model, null));
        foreach (var compact in (bool[])[false, true])
        {
            using var adapter = Random(golden, new LilyOptions { Rank = 2, Stride = 2, Compact = compact, TargetModules = TargetModules.AllLinear });
            Assert.IsLessThan(adapter.Adapters.Count, adapter.Adapters.Select(p => p.named_parameters().First(n => n.name == "lily_B").parameter).Distinct(ReferenceEqualityComparer.Instance).Count());
            AssertSame(golden, adapter);
        }
    }

    // Written and read: the same numbers at each layer, shared by the same layers, and the same outputs.
    private static void AssertSame(GoldenModel golden, AdapterSet adapter)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(adapter, folder.Path, golden.Model.Head.TaskType, "base");
        using var loaded = AdapterSet.Create("b", AdapterCheckpoint.ReadOptions(folder.Path), golden.Model.Backbone, new CopiedModules([], []), 2);
        AdapterCheckpoint.ReadTensors(loaded, folder.Path);
        var (expected, actual) = (adapter.Parameters().ToList(), loaded.Parameters().ToList());
        CollectionAssert.AreEqual(expected.ConvertAll(p => p.FileName), actual.ConvertAll(p => p.FileName));
        for (var k = 0; k < expected.Count; k++)
        {
            Assert.IsTrue(expected[k].Parameter.bytes.SequenceEqual(actual[k].Parameter.bytes), expected[k].FileName);
            Assert.AreEqual(
                expected.FindIndex(p => ReferenceEquals(p.Parameter, expected[k].Parameter)), actual.FindIndex(p => ReferenceEquals(p.Parameter, actual[k].Parameter)), expected[k].FileName);
        }

        Assert.AreEqual(Loss(adapter), Loss(loaded), 1e-6);

        float Loss(AdapterSet of)
        {
            using var _ = no_grad();
            using var context = ForwardContext.Predicting(of);
            return golden.Model.Head.Loss(golden.Forward(context), golden.Targets).item<float>();
        }
    }

    private static AdapterSet Random(GoldenModel golden, LilyOptions options)
    {
        random.manual_seed(3);
        var adapter = AdapterSet.Create("a", options, golden.Model.Backbone, new CopiedModules([], []), 1);
        using var _ = no_grad();
        foreach (var (parameter, _) in adapter.TrainedParameters())
        {
            nn.init.normal_(parameter, std: 0.1);
        }

        return adapter;
    }
}
