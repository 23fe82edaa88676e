using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What heads matter by their weights and by their shares of an update.</summary>
[TestClass]
public sealed class HeatScoreTests
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
    public void The_share_of_a_head_in_an_update_is_that_of_its_rows()
    {
        using var golden = Load("bert");
        var options = new HeatOptions { Strategy = HeadImportance.Adapter, Adapter = new LoraOptions { Rank = 3 } };
        using var set = Set(golden, options);
        using var scores = new HeatScores(options, set);
        Assert.AreEqual(0, scores.Raw(Run(golden, set)).Sum(s => s.Sum()), "B is zero at the start");
        Randomize(set);

        var actual = scores.Raw(Run(golden, set));

        Assert.IsTrue(set.TrainedParameters().All(p => p.Parameter.grad is null));
        Loss(golden, set).backward();
        var lora = set.Adapters.OfType<Lora>().ToList(); // query and value of each block
        for (var k = 0; k < actual.Length; k++)
        {
            var rows = new[] { lora[2 * k], lora[(2 * k) + 1] }.Select(part => (part.Factors.B.grad! * part.Factors.B).view(4, -1).sum(1)).Aggregate((a, b) => a + b);
            Golden.Close.Assert(rows.abs(), tensor(actual[k].Select(s => (float)s).ToArray()), $"block {k}");
        }

        foreach (var factors in lora.Select(part => part.Factors))
        {
            Golden.Close.Assert((factors.A.grad! * factors.A).sum(), (factors.B.grad! * factors.B).sum(), "the trace is the same of both factors");
        }
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("gpt2")]
    [DataRow("bloom")]
    [DataRow("llama")]
    public void The_share_of_a_head_in_the_weights_is_that_of_the_weights_own_gradient(string model)
    {
        using var golden = Load(model);
        var options = new HeatOptions { Strategy = HeadImportance.Weight, IncludeOut = true, Reduction = HeadReduction.SumAbs };
        using var set = Set(golden, options);
        Randomize(set);
        using var scores = new HeatScores(options, set);
        var actual = scores.Raw(Run(golden, set));
        var sites = golden.Model.Backbone.Blocks;
        foreach (var layer in sites.SelectMany(site => new[] { site.Heads.Query.Layer, site.Heads.Key.Layer, site.Heads.Value.Layer, site.Heads.Output }))
        {
            layer.Weight.Stored.requires_grad = true;
        }

        Loss(golden, set).backward();

        foreach (var (site, k) in sites.Select((site, k) => (site.Heads, k)))
        {
            var expected = Enumerable.Range(0, site.Heads).Select(h => Of(site.Query, h) + Of(site.Key, site.KeyHeadOf(h)) + Of(site.Value, site.KeyHeadOf(h)) + Product(site.Output).narrow(1, h * site.Size, site.Size).sum());
            Golden.Close.Assert(stack(expected), tensor(actual[k].Select(s => (float)s).ToArray()), $"block {k}");
            Tensor Of(HeadRows rows, int h) => Product(rows.Layer).narrow(0, rows.Of(h), site.Size).sum();
        }

        static Tensor Product(LinearLayer layer)
        {
            var product = (layer.Weight.Stored.grad! * layer.Weight.Stored).detach().abs();
            return layer.Weight is InOutWeight ? product.t() : product;
        }
    }
}
