using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The second stage of DiffoRA: pairs of the layers' own, and shared ones.</summary>
[TestClass]
public sealed class DiffoRaSharingTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Layers_that_are_not_selected_share_a_pair_of_their_kind()
    {
        var (matrix, set) = DiffoRaCase.Make(new() { KeepRatio = 0.4 });
        DiffoRaCase.Discretise(matrix, true, false, false, false, false, true);
        var (first, second) = (matrix.Candidates[1], matrix.Candidates[4]); // k of both blocks
        Assert.AreSame(first.A, second.A);
        Assert.AreSame(first.B, second.B);
        Assert.AreNotSame(first.A, matrix.Candidates[3].A);
        var x = randn(2, 3, 6);
        Golden.Close.Assert(DiffoRaCase.Base(first, x), first.call(x), "close");
        DiffoRaCase.Randomize(set);

        (first.call(x).sum() + second.call(x).square().sum()).backward();

        var gradient = first.A!.grad!.clone();
        first.A.grad = null;
        first.call(x).sum().backward();
        var ofFirst = first.A.grad!.clone();
        first.A.grad = null;
        second.call(x).square().sum().backward();
        Golden.Close.Assert(gradient, ofFirst + first.A.grad!, "close");
        foreach (var part in matrix.Candidates)
        {
            Golden.Close.Assert(part.call(x), nn.functional.linear(x, part.Materialize(part.Layer.Weight.Dense()), part.Layer.Bias), "close");
        }

        using var lora = AdapterConversion.ToLora(set);
        Golden.Close.Assert(second.call(x), lora.Adapters.OfType<Lora>().ElementAt(4).call(x), "close");
        Assert.AreEqual("block.0.q block.1.v", string.Join(' ', ((DiffoRaOptions)set.Options!).SelectedModules!));
        Assert.IsNull(set.Options.CreateTraining(set));
    }

    [TestMethod]
    public void Both_stages_start_as_the_base()
    {
        var (matrix, set) = DiffoRaCase.Make(new());
        var x = randn(2, 3, 6);
        AssertIsBase();
        DiffoRaCase.Randomize(set);
        DiffoRaCase.Discretise(matrix, true, false, true, false, false, true);
        AssertIsBase();
        Assert.IsTrue(matrix.Candidates.Where(part => part.HasOwn).All(part => part.A!.abs().max().item<float>() is > 0 and <= 0.409f)); // 1/√6, drawn anew

        void AssertIsBase()
        {
            foreach (var part in matrix.Candidates)
            {
                Golden.Close.Assert(DiffoRaCase.Base(part, x), part.call(x), "close");
            }
        }
    }

    [TestMethod]
    public void Without_sharing_the_others_have_none_and_the_searched_pairs_may_go_on()
    {
        var (matrix, set) = DiffoRaCase.Make(new() { SharesUnselected = false, StartsAnew = false });
        DiffoRaCase.Randomize(set);
        DiffoRaCase.SetLogits(matrix, 2, 0, 0, 0, 0, 0);
        var expected = matrix.Candidates[0].call(full([2, 3, 6], 0.5f));
        DiffoRaCase.Discretise(matrix, true, false, false, true, false, false);

        Golden.Close.Assert(expected, matrix.Candidates[0].call(full([2, 3, 6], 0.5f)), "close");
        Assert.IsNull(matrix.Candidates[1].A);
        Golden.Close.Assert(DiffoRaCase.Base(matrix.Candidates[1], full([2, 3, 6], 0.5f)), matrix.Candidates[1].call(full([2, 3, 6], 0.5f)), "close");
        Assert.AreEqual(2 * 8 * (6 + 4), set.TrainableCount);
    }

    [TestMethod]
    public void The_counts_for_DeBERTa_are_met()
    {
        (string Name, long Inputs, long Outputs)[] modules = [("q", 768, 768), ("k", 768, 768), ("v", 768, 768), ("o", 768, 768), ("fc1", 768, 3072), ("fc2", 3072, 768)];
        var layers = Enumerable.Range(0, 12).SelectMany(block => modules.Select((m, k)
            => new LinearLayer($"layer.{block}.{m.Name}", (block * 6) + k, new DenseWeight(zeros(1, 1).expand(m.Outputs, m.Inputs)), null))).ToArray();
        var (matrix, set) = DiffoRaCase.Make(new(), layers);

        Assert.AreEqual(1_327_104, set.TrainableCount);
        Assert.AreEqual(72, matrix.Logits.numel());
        DiffoRaCase.Discretise(matrix, [.. Enumerable.Range(0, 72).Select(k => k % 6 is 0 or 2 or 5)]);
        Assert.AreEqual(718_848, set.TrainableCount);
    }

    [TestMethod]
    public void Settings_say_which_pair_each_layer_has_and_must_agree_with_what_is_selected()
    {
        var (matrix, set) = DiffoRaCase.Make(new());
        DiffoRaCase.Discretise(matrix, true, false, false, false, false, true);
        var options = (DiffoRaOptions)AdapterOptions.FromJson(set.Options!.ToJson(), "test");

        string[] expected = ["block.0.q", "diffora_shared.k.6x4", "diffora_shared.v.6x4", "diffora_shared.q.6x4", "diffora_shared.k.6x4", "block.1.v"];
        CollectionAssert.AreEqual(expected, matrix.Candidates.Select(c => options.ModulePairs![c.Path]).ToArray());
        var files = set.Parameters().Select(p => p.FileName).ToList();
        Assert.IsTrue(options.ModulePairs!.Values.Where(pair => pair!.StartsWith("diffora", StringComparison.Ordinal)).All(pair => files.Contains($"base_model.{pair}.lora_A.weight")));
        CollectionAssert.AreEqual(expected, DiffoRaCase.Make(options).Matrix.Pairs.Values.ToArray());
        Assert.IsNull(DiffoRaCase.Make(options with { SharesUnselected = false, ModulePairs = null }).Matrix.Pairs["block.0.k"]);
        var wrong = options with { ModulePairs = new Dictionary<string, string?>(options.ModulePairs) { ["block.0.k"] = "block.0.k" } };
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => DiffoRaCase.Make(wrong)).Message, "'block.0.k' for 'block.0.k'");
    }
}
