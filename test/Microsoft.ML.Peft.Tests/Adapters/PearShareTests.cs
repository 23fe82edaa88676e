using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.PearModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Places that borrow, their files and merges.</summary>
[TestClass]
public sealed class PearShareTests
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
    [DataRow("LORA", PearCheckpoint.Frozen)]
    [DataRow("LORA", PearCheckpoint.Mean)]
    [DataRow("LORA", PearCheckpoint.None)]
    [DataRow("LORA", PearCheckpoint.Distil)]
    [DataRow("ADAPTFORMER", PearCheckpoint.Frozen)]
    [DataRow("ADAPTFORMER", PearCheckpoint.Mean)]
    [DataRow("HOULSBY", PearCheckpoint.Distil)]
    public void The_switch_trains_on_and_the_file_gives_the_same_outputs(string method, PearCheckpoint checkpoint)
    {
        using var golden = Load("bert");
        AdapterOptions inner = method switch { "LORA" => new LoraOptions { Rank = 2, Dropout = 0.1 }, "HOULSBY" => new HoulsbyOptions(), _ => new AdaptFormerOptions { Width = 4 } };
        var options = new PearOptions { ScoreEpoch = 2, Checkpoint = checkpoint, Adapter = inner };
        using var set = Set(golden, options);
        Randomize(set);
        var before = Logits(golden, set);
        using (var training = (PearTraining)set.CreateTraining()!)
        {
            training.Begin(new LossRun(() => Loss(golden, set)));
            training.Prune(training.Measure());
        }

        var sites = PearOptions.Sites(set);
        var after = Logits(golden, set);
        if (checkpoint == PearCheckpoint.Frozen)
        {
            Assert.IsTrue(before.bytes.SequenceEqual(after.bytes), "with γ = 0 nothing changes");
        }
        else
        {
            Assert.IsFalse(before.allclose(after));
        }

        foreach (var site in sites.Where(site => site.IsPruned))
        {
            Assert.AreEqual(checkpoint is PearCheckpoint.Frozen or PearCheckpoint.Mean ? 0f : 1f, site.Gate!.item<float>());
        }

        Randomize(set);
        var folder = Directory.CreateTempSubdirectory("peft-pear-");
        try
        {
            AdapterCheckpoint.Write(set, folder.FullName, null, "none");
            using var read = Set(golden, AdapterCheckpoint.ReadOptions(folder.FullName));
            AdapterCheckpoint.ReadTensors(read, folder.FullName);
            Assert.IsTrue(Logits(golden, set).bytes.SequenceEqual(Logits(golden, read).bytes));
            Assert.AreEqual(set.TrainableCount, read.TrainableCount);
            Assert.IsNull(read.CreateTraining());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    [DataRow(PearGate.Fixed, PearCheckpoint.None)]
    [DataRow(PearGate.Learned, PearCheckpoint.Frozen)]
    public void A_donor_learns_from_every_place_that_it_serves_and_all_of_it_merges(PearGate gate, PearCheckpoint checkpoint)
    {
        var options = new PearOptions { Gate = gate, Checkpoint = checkpoint, Donors = new Dictionary<string, string> { ["block.1.q"] = "block.0.q" }, Adapter = new LoraOptions { Rank = 2 } };
        var layers = Enumerable.Range(0, 2).Select(k => new LinearLayer($"block.{k}.q", k, new DenseWeight(randn(4, 4)), randn(4))).ToArray();
        using var initialization = new Initialization(0);
        var parts = options.CreateParts(new AdapterBuild(layers, initialization)).Cast<PearLinear>().ToList();
        using var set = AdapterSet.Of("x", options, [.. parts], 2);
        Randomize(set);
        parts.ForEach(part => part.eval());
        var x = randn(3, 4);
        var (a, b) = (parts[0].Site.Own[0].Parameter, parts[0].Site.Own[1].Parameter);

        (parts[0].call(x).square().sum() + parts[1].call(x).square().sum()).backward();

        // The same with copies.
        var (first, second) = ((a.detach().clone().requires_grad_(true), b.detach().clone().requires_grad_(true)), (a.detach().clone().requires_grad_(true), b.detach().clone().requires_grad_(true)));
        var scale = 4.0; // α/r
        var factor = gate == PearGate.Fixed ? 1 : parts[1].Site.Gate!.item<float>();
        Tensor Base(int k) => nn.functional.linear(x, layers[k].Weight.Dense(), layers[k].Bias);
        Tensor Added((Tensor A, Tensor B) pair) => x.mm(pair.A.t()).mm(pair.B.t()) * scale;
        var old = checkpoint == PearCheckpoint.Frozen ? Added((parts[1].Site.Own[0].Parameter.detach(), parts[1].Site.Own[1].Parameter.detach())) : zeros(3, 4);
        var y = Base(1) + old + (Added(second) * factor);
        ((Base(0) + Added(first)).square().sum() + y.square().sum()).backward();
        Golden.Close.Assert(y, parts[1].call(x), "the pruned place");
        Golden.Close.Assert(first.Item1.grad! + second.Item1.grad!, a.grad!, "A");
        Golden.Close.Assert(first.Item2.grad! + second.Item2.grad!, b.grad!, "B");
        Assert.AreEqual(checkpoint == PearCheckpoint.Frozen, parts[1].named_parameters().Any(p => p.name == "lora_A" && !p.parameter.requires_grad), "kept without training, or gone");
        Assert.AreEqual(gate == PearGate.Learned ? 1 : 0, parts[1].parameters().Count(p => p.requires_grad));
        foreach (var part in parts)
        {
            Golden.Close.Assert(part.call(x), nn.functional.linear(x, part.Materialize(part.Layer.Weight.Dense()), part.MaterializeBias(part.Layer.Bias)), "merged");
        }

        using var lora = AdapterConversion.ToLora(set);
        Assert.AreEqual(checkpoint == PearCheckpoint.Frozen ? 4 : 2, ((LoraOptions)lora.Options!).Rank);
        Golden.Close.Assert(parts[1].call(x), ((Lora)lora.Adapters[1]).call(x), "as LoRA");
    }

    [TestMethod]
    public void A_mean_is_a_bias_when_merged()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { Checkpoint = PearCheckpoint.Mean, Adapter = new LoraOptions { Rank = 2 } });
        Randomize(set);
        using var training = (PearTraining)set.CreateTraining()!;
        training.Begin(new LossRun(() => Loss(golden, set)) { Epochs = 20 });
        training.Prune(training.Measure());
        Randomize(set);
        Assert.IsTrue(PearOptions.Sites(set).Where(site => site.IsPruned).All(site => site.Mean!.abs().sum().item<float>() > 0 && !site.Mean.requires_grad));
        var expected = Logits(golden, set);

        using (set.Merge())
        {
            Golden.Close.Assert(expected, Logits(golden), "merged");
        }

        using var lora = AdapterConversion.ToLora(set);
        Assert.IsTrue(((LoraOptions)lora.Options!).HasBias);
        Golden.Close.Assert(expected, Logits(golden, lora), "as LoRA, with biases");
    }
}
