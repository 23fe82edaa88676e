using System.Text.Json;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>What every family owes, beyond the numbers of the golden cases.</summary>
[TestClass]
public sealed class FamilyTests
{
    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Models => FamilyModel.Names;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Weights_stored_in_half_precision_are_the_rounded_weights(string model)
    {
        using var family = new FamilyModel(model);
        using var exact = family.Load();
        var expected = family.Outputs(exact);
        var originals = family.Edited.Tensors.ToDictionary(t => t.Key, t => t.Value);
        foreach (var (type, rounding) in new[] { (ScalarType.Float16, 1e-3), (ScalarType.BFloat16, 8e-3) })
        {
            Store(tensor => tensor.to(type));
            using var half = family.Load();
            Store(tensor => tensor.to(type).to(ScalarType.Float32));
            using var rounded = family.Load();
            var (stored, computed) = (family.Outputs(half), family.Outputs(rounded));
            foreach (var (name, output) in stored)
            {
                Assert.IsTrue(output.bytes.SequenceEqual(computed[name].bytes), $"{name} in {type}");

                // Half a unit of the last place of a number, times what passes through tens of layers and a softmax.
                Golden.Close.Assert(expected[name], output, $"{name} in {type}", 30 * rounding);
            }
        }

        void Store(Func<Tensor, Tensor> change)
        {
            foreach (var (name, original) in originals.Where(t => t.Value.is_floating_point()))
            {
                family.Edited.Tensors[name] = change(original);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Padding_and_the_order_of_rows_change_nothing(string model)
    {
        using var family = new FamilyModel(model);
        using var loaded = family.Load();
        int[] order = [.. Enumerable.Range(0, family.RowCount)];
        int[] backwards = [.. order.Reverse()];
        Assert.IsGreaterThan(1, order.Length);
        var (together, turned, padded) = (family.Outputs(loaded), family.Outputs(loaded, backwards), Padded());
        foreach (var row in order)
        {
            var alone = family.Outputs(loaded, [row]);
            foreach (var name in alone.Keys.Where(n => !n.StartsWith("logits_per", StringComparison.Ordinal)))
            {
                Same(alone[name][0], together[name][row], $"{name} of row {row} in the batch");
                Same(alone[name][0], turned[name][order.Length - 1 - row], $"{name} of row {row} backwards");
                if (padded is not null)
                {
                    Same(alone[name][0], padded[name][row], $"{name} of row {row} beside a longer text");
                }
            }
        }

        // Texts alone can be longer than others; a picture and a text come in pairs.
        Dictionary<string, Tensor>? Padded()
            => family.Kind is HeadKind.ImageClassification or HeadKind.AudioClassification or HeadKind.ConnectionistTemporalClassification or HeadKind.Contrastive
                || loaded.Backbone is Whisper ? null : family.Outputs(loaded, order, besideLonger: true);

        static void Same(Tensor alone, Tensor other, string what)
            => Golden.Close.Assert(alone, other.dim() > 0 && other.size(0) > alone.size(0) ? other.narrow(0, 0, alone.size(0)) : other, what, 2e-5);
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Shards_with_an_index_give_the_same_as_one_file(string model)
    {
        using var family = new FamilyModel(model);
        using var whole = family.Load();
        var expected = family.Outputs(whole);
        var folder = family.Edited.Folder;
        File.Delete(Path.Combine(folder, "model.safetensors"));
        var (home, bytes) = (new Dictionary<string, string>(), 0L);
        foreach (var (shard, names) in family.Edited.Tensors.Keys.Order(StringComparer.Ordinal).Select((name, k) => (name, k)).GroupBy(n => n.k % 3, n => n.name)
            .Select(g => ($"model-{g.Key + 1:00000}-of-00003.safetensors", g.ToList())))
        {
            SafetensorsWriter.Write(Path.Combine(folder, shard), names.Select(name => KeyValuePair.Create(name, family.Edited.Tensors[name])).ToList());
            foreach (var name in names)
            {
                home[name] = shard;
                bytes += family.Edited.Tensors[name].numel() * family.Edited.Tensors[name].ElementSize;
            }
        }

        File.WriteAllText(
            Path.Combine(folder, "model.safetensors.index.json"), JsonSerializer.Serialize(new { metadata = new { total_size = bytes }, weight_map = home }));

        using var sharded = PretrainedModel.Load(folder, family.Kind, seed: 3);
        var outputs = family.Outputs(sharded);
        foreach (var name in expected.Keys)
        {
            Assert.IsTrue(expected[name].bytes.SequenceEqual(outputs[name].bytes), name);
        }

        File.Delete(Path.Combine(folder, "model-00002-of-00003.safetensors"));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => PretrainedModel.Load(folder, family.Kind));
        Assert.AreEqual(ModelFormatError.MissingShard, error.Error);
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Hidden_states_can_be_had_of_every_family_but_those_of_two_parts(string model)
    {
        using var family = new FamilyModel(model);
        using var loaded = family.Load();
        var kinds = HeadRegistry.KindsOf(loaded.Backbone);
        Assert.AreEqual(loaded.Backbone is not (EncoderDecoder or ImageTextEncoder), kinds.Contains(HeadKind.FeatureExtraction));
        if (kinds.Contains(HeadKind.FeatureExtraction))
        {
            using var features = family.Edited.Load(HeadKind.FeatureExtraction);
            var states = family.Outputs(features)["last_hidden_state"];
            Assert.AreEqual(3, states.dim());
            Assert.AreEqual(family.RowCount, states.size(0));
            Assert.AreEqual(loaded.Backbone.HiddenSize, states.size(2));
            Assert.IsTrue(states.isfinite().all().item<bool>());
            Assert.ThrowsExactly<NotSupportedException>(() => features.Head.Loss(new ModelOutput("last_hidden_state", states), new Targets()));
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => family.Edited.Load(HeadKind.FeatureExtraction, classes: 3));
        }
    }

    // A head of another size stands for a checkpoint without a head; that its path is told is what the log is made of.
    [TestMethod]
    [DynamicData(nameof(Models))]
    public void A_head_of_another_size_is_new_and_told(string model)
    {
        using var family = new FamilyModel(model);
        using var loaded = family.Load();
        HeadKind[] sorting = [HeadKind.SequenceClassification, HeadKind.TokenClassification, HeadKind.ImageClassification, HeadKind.AudioClassification,
            HeadKind.ConnectionistTemporalClassification];
        foreach (var kind in HeadRegistry.KindsOf(loaded.Backbone).Intersect(sorting))
        {
            foreach (var classes in (int[])[1, 7])
            {
                if (kind == HeadKind.ConnectionistTemporalClassification && classes == 1)
                {
                    continue; // a blank alone spells nothing
                }

                using var headed = family.Edited.Load(kind, classes);
                var logits = family.Outputs(headed)["logits"];
                Assert.IsNotEmpty(headed.NewLayers, $"{kind}");
                Assert.AreEqual(classes, logits.size(-1), $"{kind}");
                Assert.IsTrue(headed.NewLayers.All(path => headed.Layers.Any(l => l.Path == path)), string.Join(", ", headed.NewLayers));
                if (classes == 1 && kind != HeadKind.TokenClassification)
                {
                    var numbers = arange(family.RowCount, ScalarType.Float32);
                    var expected = (logits.reshape(-1) - numbers).square().mean();
                    Golden.Close.Assert(expected.reshape(1), headed.Head.Loss(new ModelOutput("logits", logits), new Targets(numbers)).reshape(1), "regression", 1e-5);
                }
            }
        }
    }
}
