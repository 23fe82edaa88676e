using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Files of HEAT.</summary>
[TestClass]
public sealed class HeatFileTests
{
    private DisposeScope _scope = null!;
    private string _folder = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        (_scope, _folder) = (NewDisposeScope(), Directory.CreateTempSubdirectory("peft-heat-file-").FullName);
    }

    [TestCleanup]
    public void Close()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    [DataRow("bert", "query value", "2 of 4 and 2 of 4 rows")]
    [DataRow("llama", "q_proj v_proj", "keys serve two heads each, of which one is silent")]
    [DataRow("bloom", "query_key_value", "one layer for all")]
    public void A_file_of_shares_has_the_rows_of_the_heads_that_speak_alone(string model, string targets, string _)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        var blocks = golden.Model.Backbone.Blocks;
        var options = new HeatOptions { Mask = HeadMasking.Delta, Adapter = new LoraOptions { Rank = 3, TargetModules = targets.Split(' ') } };
        options = options with { SilentHeads = [.. blocks.Select(_ => (int[])[0, 2])], HeadScores = [.. blocks.Select(_ => (double[])[0.1, 0.9, 0.2, 0.8])] };
        using var set = Set(golden, options);
        Fill(set);

        AdapterCheckpoint.Write(set, _folder, null, "base");

        using (var file = SafetensorsReader.Open(Path.Combine(_folder, "adapter_model.safetensors")))
        {
            foreach (var part in set.Adapters.OfType<Lora>())
            {
                var open = Enumerable.Range(0, (int)part.Factors.B.size(0)).Count(row => part.Factors.B[row].count_nonzero().item<long>() > 0);
                CollectionAssert.AreEqual(new long[] { open, 3 }, file.Entries[$"base_model.model.{part.Path}.lora_B.weight"].Shape.ToArray());
            }
        }

        using var read = Set(golden, AdapterCheckpoint.ReadOptions(_folder));
        AdapterCheckpoint.ReadTensors(read, _folder);
        Assert.IsTrue(Logits(golden, set).bytes.SequenceEqual(Logits(golden, read).bytes));
        Assert.AreEqual(set.TrainableCount, read.TrainableCount);

        // An ordinary LoRA, with zeros for the silent heads, is the same and knows nothing of heads.
        using var lora = AdapterConversion.ToLora(read);
        Golden.Close.Assert(Logits(golden, set), Logits(golden, lora), "as LoRA");
        Assert.AreEqual(set.Adapters.OfType<Lora>().Count(), lora.Adapters.Count);
        AdapterCheckpoint.Write(lora, _folder, null, "base");
        using var plain = Set(golden, AdapterCheckpoint.ReadOptions(_folder));
        AdapterCheckpoint.ReadTensors(plain, _folder);
        Golden.Close.Assert(Logits(golden, lora), Logits(golden, plain), "the file of the LoRA");
        var (near, errors) = AdapterConversion.ToLora(read, 3);
        Assert.IsTrue(errors.Count == lora.Adapters.Count && errors.All(e => e.RelativeError < 1e-3));
        near.Dispose();
    }

    [TestMethod]
    public void A_file_of_whole_factors_is_read_too_and_one_of_other_rows_is_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        var options = new HeatOptions { Mask = HeadMasking.Delta, SilentHeads = [[0], [0]], HeadScores = [[0, 1, 1, 1], [0, 1, 1, 1]], Adapter = new LoraOptions { Rank = 2 } };
        using var set = Set(golden, options);
        Fill(set);
        foreach (var part in set.Adapters.OfType<Lora>())
        {
            part.Factors.StoredRows = null;
        }

        AdapterCheckpoint.Write(set, _folder, null, "base");
        using var read = Set(golden, AdapterCheckpoint.ReadOptions(_folder));
        AdapterCheckpoint.ReadTensors(read, _folder);
        Assert.IsTrue(Logits(golden, set).bytes.SequenceEqual(Logits(golden, read).bytes));

        set.Adapters.OfType<Lora>().First().Factors.StoredRows = [1, 2];
        AdapterCheckpoint.Write(set, _folder, null, "base");
        Assert.AreEqual(ModelFormatError.ShapeMismatch, Assert.ThrowsExactly<ModelFormatException>(() => AdapterCheckpoint.ReadTensors(read, _folder)).Error);
    }

    // As training leaves it: zeros in the rows of silent heads.
    private static void Fill(AdapterSet set)
    {
        using var _ = no_grad();
        foreach (var (part, open) in HeatShares.Settle(set.Adapters, HeatOptions.Masks(set)))
        {
            part.Factors.A.normal_();
            part.Factors.B.normal_().mul_(tensor(Array.ConvertAll(open, o => o ? 1f : 0)).unsqueeze(1));
        }
    }
}
