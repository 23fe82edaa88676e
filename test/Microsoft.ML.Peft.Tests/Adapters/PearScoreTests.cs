using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.PearModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What the parts matter.</summary>
[TestClass]
public sealed class PearScoreTests
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
    public void The_importance_is_the_same_of_both_factors_and_0_for_what_does_nothing()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { Adapter = new LoraOptions { Rank = 2 } });
        Randomize(set);
        var sites = PearOptions.Sites(set);
        using (no_grad())
        {
            sites[1].Own.Single(own => own.Name == "lora_B").Parameter.zero_();
        }

        using var training = (PearTraining)set.CreateTraining()!;
        training.Begin(new LossRun(() => Loss(golden, set)) { Epochs = 20 });
        var importance = training.Measure();

        Loss(golden, set).backward();
        foreach (var own in sites.Select(site => site.Own))
        {
            Golden.Close.Assert(Product("lora_A"), Product("lora_B"), "the trace");
            Tensor Product(string name) => own.Where(o => o.Name == name).Select(o => (o.Parameter.grad! * o.Parameter).sum()).Single();
        }

        var raw = sites.Select(site => Math.Abs(site.Own.Sum(own => (own.Parameter.grad! * own.Parameter).sum().item<float>()))).ToArray();
        for (var k = 0; k < sites.Count; k++)
        {
            Assert.AreEqual(raw[k] / sites.Select((site, j) => site.Kind == sites[k].Kind ? raw[j] : 0).Sum(), importance[k], 1e-4);
        }

        Assert.AreEqual(0, importance[1]);
        Assert.IsTrue(sites[1].Kind == sites[3].Kind && sites[0].Kind == sites[2].Kind && sites[0].Kind != sites[1].Kind, "query and value of two blocks");
        training.Prune(importance);
        Assert.IsTrue(sites[1].IsPruned && !sites[3].IsPruned);
        Assert.AreSame(sites[3], sites[1].Donor);
    }

    // Without biases a relu bottleneck is of degree one in either of its matrices.
    [TestMethod]
    public void The_importance_of_a_bottleneck_is_the_same_of_both_matrices_and_that_of_LoRA_the_slope_by_its_update()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { Adapter = new AdaptFormerOptions { Width = 4 } });
        Randomize(set);
        using (no_grad())
        {
            foreach (var (_, bias) in PearOptions.Sites(set).SelectMany(site => site.Own).Where(own => own.Name.EndsWith("bias", StringComparison.Ordinal)))
            {
                bias.zero_();
            }
        }

        Loss(golden, set).backward();
        foreach (var own in PearOptions.Sites(set).Select(site => site.Own.ToDictionary(o => o.Name, o => (o.Parameter.grad! * o.Parameter).sum())))
        {
            Golden.Close.Assert(own["adapter_down.weight"], own["adapter_up.weight"], "the trace", 1e-4);
        }

        using var low = Set(golden, new PearOptions { Adapter = new LoraOptions { Rank = 2 } });
        Randomize(low);
        var part = (Lora)PearOptions.Sites(low)[0].Part;
        var recorder = new GradientRecorder(part.Layer);
        using var below = AdapterSet.Of("recorder", null, [recorder], low.LayerCount);
        using var context = ForwardContext.Predicting(below, low);
        golden.Model.Head.Loss(golden.Forward(context), golden.Targets).backward();
        Golden.Close.Assert((recorder.Sum! * part.Delta()).sum(), (part.Factors.B.grad! * part.Factors.B).sum(), "the slope by the update", 1e-4);
    }
}
