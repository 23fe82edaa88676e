using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What LoLDU keeps in a file, and for which base.</summary>
[TestClass]
public sealed class LoLduFileTests : GoldenMethodTests
{
    [TestMethod]
    [DataRow(LoLduStart.Lu, false)]
    [DataRow(LoLduStart.SNormal, false)]
    [DataRow(LoLduStart.Lu, true)]
    public void A_file_comes_back_on_its_base_and_not_on_another(LoLduStart start, bool factors)
    {
        var (options, layer, x) = (new LoLduOptions { Rank = 3, Start = start, SavesFactors = factors }, Layer(6, 4), randn(2, 3, 6));
        using var set = Set(layer, 1);
        var part = (LoLdu)set.Adapters.Single();
        Golden.Close.Assert(Base(layer, x), part.call(x), "start");
        Randomize(part);
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "base");
        using (var written = SafetensorsReader.Open(folder["adapter_model.safetensors"]))
        {
            string[] drawn = start == LoLduStart.SNormal ? ["start_z"] : [];
            string[] beside = factors ? ["factor_A", "factor_B", "start_z"] : ["base_hash", .. drawn];
            CollectionAssert.AreEquivalent((string[])["vector_z", .. beside], written.Entries.Keys.Select(k => k.Split('.')[^1]).ToArray());
        }

        using var loaded = Set(layer, 2);
        AdapterCheckpoint.ReadTensors(loaded, folder.Path);

        Golden.Close.Assert(part.call(x), ((LoLdu)loaded.Adapters.Single()).call(x), "loaded");
        var other = new LinearLayer("block.0.query", 0, new DenseWeight(layer.Weight.Dense().clone()), layer.Bias);
        using (no_grad())
        {
            other.Weight.Dense()[1, 1].add_(1e-3);
        }

        using var elsewhere = Set(other, 3);
        if (factors)
        {
            AdapterCheckpoint.ReadTensors(elsewhere, folder.Path); // for a base in another precision
        }
        else
        {
            StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => AdapterCheckpoint.ReadTensors(elsewhere, folder.Path)).Message, "trained on another base model");
        }

        AdapterSet Set(LinearLayer on, int seed)
        {
            using var initialization = new Initialization(seed);
            return AdapterSet.Of("x", options, [.. options.CreateParts(new AdapterBuild([on], initialization))], 1);
        }
    }

    private static LinearLayer Layer(long inputs, long outputs) => new("block.0.query", 0, new DenseWeight(randn(outputs, inputs)), randn(outputs));

    private static Tensor Base(LinearLayer layer, Tensor x) => nn.functional.linear(x, layer.Weight.Dense(), layer.Bias);

    private static void Randomize(LoLdu adapter)
    {
        using var _ = no_grad();
        nn.init.normal_(Named(adapter)["vector_z"]);
    }
}
