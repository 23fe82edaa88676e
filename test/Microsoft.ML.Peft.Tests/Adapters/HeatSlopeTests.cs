using Microsoft.ML.Peft.Adapters;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What heads matter by what they give: the strategy that HEAT measures by default.</summary>
[TestClass]
public sealed class HeatSlopeTests
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
    [DataRow("bert")]
    [DataRow("swin")]
    [DataRow("llama")]
    [DataRow("gpt2")]
    [DataRow("wav2vec2")]
    public void What_a_head_matters_is_the_slope_of_the_loss_by_its_mask(string model)
    {
        using var golden = Load(model);
        using var set = Set(golden, new HeatOptions { PrunedHeads = 0 });
        Randomize(set);
        using var scores = new HeatScores(new() { PrunedHeads = 0 }, set);

        var actual = scores.Raw(Run(golden, set));

        var sites = golden.Model.Backbone.Blocks;
        var masks = sites.Select(site => ones(site.Heads.Heads).requires_grad_(true)).ToArray();
        Masked(golden, set, k => masks[k]).backward();
        for (var k = 0; k < sites.Count; k++)
        {
            Golden.Close.Assert(masks[k].grad!.abs(), tensor(actual[k].Select(s => (float)s).ToArray()), $"block {k}");
        }
    }

    [TestMethod]
    public void On_a_random_model_of_two_blocks_it_is_the_quotient_of_differences()
    {
        using var golden = Load("bert");
        Randomize(golden);
        using var set = Set(golden, new HeatOptions { PrunedHeads = 0 });
        Randomize(set);
        using var scores = new HeatScores(new() { PrunedHeads = 0 }, set);
        var actual = scores.Raw(Run(golden, set));
        var sites = golden.Model.Backbone.Blocks;
        Assert.HasCount(2, sites);

        using var _ = no_grad();
        for (var k = 0; k < sites.Count; k++)
        {
            for (var h = 0; h < actual[k].Length; h++)
            {
                const float Step = 0.05f;
                var slope = ((8 * (At(k, h, Step) - At(k, h, -Step))) - (At(k, h, 2 * Step) - At(k, h, -2 * Step))) / (12 * Step);
                Assert.AreEqual(Math.Abs(slope), actual[k][h], (1e-3 * Math.Abs(slope)) + 1e-6, $"block {k}, head {h}");
            }
        }

        double At(int block, int head, float by) => Masked(golden, set, k =>
        {
            var open = ones(sites[k].Heads.Heads);
            open[head] = k == block ? 1 + by : 1;
            return open;
        }).item<float>();
    }

    [TestMethod]
    public void The_first_order_foretells_what_the_loss_will_do_without_a_head()
    {
        var (foretold, happened) = (new List<double>(), new List<double>());
        using var golden = Load("swin");
        using var set = Set(golden, new HeatOptions { PrunedHeads = 0 });
        using var scores = new HeatScores(new() { PrunedHeads = 0 }, set);
        var raw = scores.Raw(Run(golden, set));
        var masks = HeatOptions.Masks(set);
        using var _ = no_grad();
        var loss = Loss(golden, set).item<float>();
        foreach (var (mask, k) in masks.Select((mask, k) => (mask, k)))
        {
            for (var h = 0; h < mask.Heads.Heads; h++)
            {
                mask.Silence([.. Enumerable.Range(0, mask.Heads.Heads).Select(other => other == h)]);
                foretold.Add(raw[k][h]);
                happened.Add(Math.Abs(Loss(golden, set).item<float>() - loss));
                mask.Silence(new bool[mask.Heads.Heads]);
            }
        }

        var (x, y) = (Ranks(foretold), Ranks(happened));
        var distance = x.Zip(y, (a, b) => (a - b) * (a - b)).Sum();
        Assert.IsGreaterThanOrEqualTo(0.7, 1 - (6.0 * distance / (x.Length * ((x.Length * x.Length) - 1))));

        static int[] Ranks(List<double> values) => [.. values.Select(v => values.Count(other => other < v))];
    }
}
