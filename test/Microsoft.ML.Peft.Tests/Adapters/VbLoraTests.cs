using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class VbLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new VbLoraOptions { Rank = 3, VectorCount = 5, VectorLength = 2 };

    protected override bool StartsAsIdentity => false;

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(3, 5, 2, inputs + outputs) + (5 * 2);

    [TestMethod]
    public void Pieces_are_the_weighted_vectors_with_the_largest_logits()
    {
        var parts = Parts(Layer());
        var (bank, adapter) = ((VectorBank)parts[0], (VbLora)parts[1]);
        using (no_grad())
        {
            bank.Vectors.copy_(arange(10).view(5, 2));
            foreach (var name in (string[])["vblora_logits_A", "vblora_logits_B"])
            {
                // ln 3 and 0 of the largest two: weights 3/4 of vector 4 and 1/4 of vector 2; the others are too small to count.
                Parameter(adapter, name).copy_(tensor(new[] { -9f, -9f, 0f, -9f, MathF.Log(3) }));
            }
        }

        // Every piece is ¾·(8, 9) + ¼·(4, 5) = (7, 8). ΔW[o, i] = Σ over 3 ranks of B·A.
        var piece = tensor(new[] { 7f, 8f });
        AssertClose(3 * outer(piece.repeat(2), piece.repeat(3)), adapter.Delta());
    }

    [TestMethod]
    public void A_file_of_the_chosen_vectors_predicts_the_same_and_does_not_train()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", "vblora"));
        using var first = ForwardContext.Predicting(golden.Adapter!);
        var expected = golden.Forward(first)["logits"];
        var options = (VbLoraOptions)golden.Adapter!.Options! with { SaveOnlyTopWeights = true };
        using var small = AdapterSet.Create("small", options, golden.Model.Backbone, new CopiedModules([], []), seed: 0);
        foreach (var (name, parameter) in golden.Adapter.Parameters())
        {
            using var _ = no_grad();
            small.Parameters().Single(p => p.FileName == name).Parameter.copy_(parameter);
        }

        var folder = Directory.CreateTempSubdirectory("peft-topk-").FullName;
        try
        {
            AdapterCheckpoint.Write(small, folder, null, "base");
            using (var file = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors")))
            {
                var indices = file.Entries["base_model.model.bert.encoder.layer.0.attention.self.query.vblora_logits_A_topk_indices"];
                CollectionAssert.AreEqual(new long[] { 2, 4, 2 }, indices.Shape.ToArray());
                Assert.AreEqual(ScalarType.Byte, indices.Dtype);
                Assert.IsFalse(file.Entries.Keys.Any(k => k.EndsWith("vblora_logits_A", StringComparison.Ordinal)));
            }

            using var loaded = AdapterSet.Create("loaded", AdapterCheckpoint.ReadOptions(folder), golden.Model.Backbone, new CopiedModules([], []), seed: 1);
            AdapterCheckpoint.ReadTensors(loaded, folder);
            using var second = ForwardContext.Predicting(loaded);
            Golden.Close.Assert(expected, golden.Forward(second)["logits"], "logits", 1e-5);
            using var training = ForwardContext.TrainingWith(1, loaded);
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => golden.Forward(training)).Message, "for predicting only");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void A_length_that_does_not_divide_is_refused()
    {
        using var initialization = new Initialization(0);
        var options = new VbLoraOptions { VectorLength = 4 };
        var error = Assert.ThrowsExactly<PeftException>(() => options.CreateParts(new AdapterBuild([Layer()], initialization)).ToList());

        StringAssert.StartsWith(error.Message, "VectorLength is 4, which does not divide 6 inputs and 4 outputs of 'block.0.query'");
    }

    [TestMethod]
    public void Published_counts_are_met()
        => Assert.AreEqual(1_212_416, (28 * (Count(4, 256, 256, 6144) + Count(4, 256, 256, 4096))) + (256 * 256));

    private static long Count(long rank, long vectors, long length, long features) => rank * vectors * features / length;
}
