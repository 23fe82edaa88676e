using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Methods with trained tokens against their formulas, computed in plain numbers.</summary>
[TestClass]
public sealed class PromptFormulaTests
{
    private static readonly CopiedModules s_none = new([], []);

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
    public void The_network_of_P_tuning_is_an_LSTM_in_both_directions()
    {
        var parameters = new Dictionary<string, Parameter>();
        var stack = new LstmStack(3, 2, 2, 0, (name, _, shape) => parameters[name] = new Parameter(randn(shape)));
        var x = randn(4, 3);
        using var context = ForwardContext.Predicting();

        var layer = Rows(x);
        for (var k = 0; k < 2; k++)
        {
            var (ahead, back) = (Direction(layer, $"l{k}"), Direction([.. layer.Reverse()], $"l{k}_reverse").Reverse().ToArray());
            layer = [.. ahead.Zip(back, (a, b) => (double[])[.. a, .. b])];
        }

        Golden.Close.Assert(tensor(layer.SelectMany(r => r).Select(v => (float)v).ToArray(), 4, 4), stack.Forward(x, context).detach(), "LSTM");

        double[][] Direction(double[][] inputs, string suffix)
        {
            var (wx, wh, bx, bh) = (Rows(parameters[$"weight_ih_{suffix}"]), Rows(parameters[$"weight_hh_{suffix}"]),
                Rows(parameters[$"bias_ih_{suffix}"].unsqueeze(0))[0], Rows(parameters[$"bias_hh_{suffix}"].unsqueeze(0))[0]);
            var (h, c) = (new double[2], new double[2]);
            return [.. inputs.Select(input =>
            {
                var g = Enumerable.Range(0, 8).Select(k => bx[k] + bh[k] + Dot(wx[k], input) + Dot(wh[k], h)).ToArray();
                for (var k = 0; k < 2; k++)
                {
                    c[k] = (Sigmoid(g[2 + k]) * c[k]) + (Sigmoid(g[k]) * Math.Tanh(g[4 + k]));
                }

                h = [.. Enumerable.Range(0, 2).Select(k => Sigmoid(g[6 + k]) * Math.Tanh(c[k]))];
                return h;
            })];
        }

        static double Sigmoid(double v) => 1 / (1 + Math.Exp(-v));

        static double Dot(double[] a, double[] b) => a.Zip(b, (p, q) => p * q).Sum();
    }

    // Counts that HF PEFT reports for these models and settings.
    [TestMethod]
    [DataRow("bert", "PREFIX_TUNING", 640L)]
    [DataRow("bert", "P_TUNING", 1504L)]
    [DataRow("llama", "PREFIX_TUNING", 320L)]
    [DataRow("llama", "PROMPT_TUNING", 160L)]
    [DataRow("llama", "P_TUNING", 1504L)]
    [DataRow("llama", "ADAPTION_PROMPT", 258L)]
    public void It_trains_the_count_of_HF_PEFT(string name, string method, long count)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        AdapterOptions options = method switch
        {
            "PREFIX_TUNING" => new PrefixTuningOptions { VirtualTokens = 5 },
            "P_TUNING" => new PTuningOptions { VirtualTokens = 5, HiddenSize = 16 },
            "PROMPT_TUNING" => new PromptTuningOptions { VirtualTokens = 5 },
            _ => new AdaptionPromptOptions { Length = 4, Blocks = 2 },
        };
        using var adapter = AdapterSet.Create("a", options, golden.Model.Backbone, s_none, 0);

        Assert.AreEqual(count, adapter.TrainableCount);
    }

    [TestMethod]
    public void Each_row_has_the_tokens_of_its_task()
    {
        using var model = PromptFamilyTests.Load("llama", HeadKind.CausalLanguageModel);
        using var adapter = PromptFamilyTests.Random(model, new MultitaskPromptTuningOptions { VirtualTokens = 3, Rank = 2, Tasks = 2 });
        var p = adapter.Parameters().ToDictionary(x => x.FileName, x => (Tensor)x.Parameter);
        CollectionAssert.AreEquivalent((string[])["prompt_embeddings", "prefix_task_cols", "prefix_task_rows"], p.Keys.ToArray());
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(adapter);
        using var inputs = new ModelInputs { Tokens = new TokenBatch([[5, 6], [7, 8]], 1), TaskIds = tensor((long[])[1, 0]) };
        var actual = model.Forward(inputs, context).Logits;

        for (var row = 0; row < 2; row++)
        {
            using var one = AdapterSet.Create("b", new PromptTuningOptions { VirtualTokens = 3 }, model.Backbone, s_none, 0);
            one.Parameters().Single().Parameter.copy_(p["prompt_embeddings"] * p["prefix_task_cols"][1 - row].mm(p["prefix_task_rows"][1 - row]));
            Golden.Close.Assert(PromptFamilyTests.Logits(model, one, row == 0 ? [[5, 6]] : [[7, 8]])[0], actual[row], $"row {row}");
        }

        using var without = new ModelInputs { Tokens = new TokenBatch([[5, 6]], 1) };
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => model.Forward(without, context)).Message, "TaskIds");
    }

    [TestMethod]
    public void Context_tokens_stay_near_and_their_outputs_count()
    {
        using var model = PromptFamilyTests.Load("llama", HeadKind.CausalLanguageModel);
        var options = new CptOptions
        {
            TokenIds = [5, 6, 7, 8, 9, 10, 11],
            TokenTypes = [1, 2, 3, 4, 6, 7, 8],
            Weighting = "decay",
            Decay = 0.5,
            Epsilon = 0.3,
        };
        using var adapter = PromptFamilyTests.Random(model, options);
        using var context = ForwardContext.Predicting(adapter);
        using var inputs = new ModelInputs { Tokens = new TokenBatch([[20, 21, 22]], 1) };
        var labels = tensor((long[])[20, 21, 22], 1, 3);
        var delta = Rows(adapter.Parameters().Single(x => x.Parameter.requires_grad).Parameter);
        var unit = Math.Sqrt(32 / 2048.0);
        double[] radius = [0.1 * unit, 0.3 * unit, 0.1 * unit, 1e-10, 0.3 * unit, 0.1 * unit, 1e-10];

        var vectors = Rows(((Cpt)adapter.Adapters.Single()).Vectors(context).squeeze(0).detach()
            - TokenStart.Of(model.Backbone.InputEmbedding!, options.TokenIds));
        for (var k = 0; k < 7; k++)
        {
            var norm = Math.Sqrt(delta[k].Sum(v => v * v));
            for (var d = 0; d < 32; d++)
            {
                Assert.AreEqual(delta[k][d] * radius[k] / Math.Max(norm, radius[k]), vectors[k][d], 1e-5);
            }
        }

        // Places whose next token counts: 3 (example 4), 6 (example 8), and the input's three (4 + 8), the newest.
        var output = model.Forward(inputs, context);
        var scores = output.Logits.log_softmax(-1)[0].detach();
        (int Place, int Token, double Weight)[] counted = [(2, 8, 0.25), (5, 11, 0.5), (6, 20, 1), (7, 21, 1), (8, 22, 1)];
        var expected = counted.Sum(c => -scores[c.Place, c.Token].item<float>() * c.Weight) / counted.Length;
        var loss = model.Head.Loss(output, new Targets(labels));
        Assert.AreEqual(expected, loss.item<float>(), 1e-4);

        loss.backward();
        var gradient = adapter.TrainedParameters().Single().Parameter.grad!;
        Assert.AreEqual(0f, gradient[3].abs().sum().item<float>() + gradient[6].abs().sum().item<float>(), "outputs do not move");
        Assert.IsGreaterThan(0f, gradient[0].abs().sum().item<float>());
    }

    // A bias of DeiT's and ViT's own positions tells the tokens apart: a token that is a patch's vector is as one more patch.
    [TestMethod]
    [DataRow("vit", false)]
    [DataRow("deit", true)]
    [DataRow("dinov2", true)]
    public void Visual_tokens_stand_behind_the_special_ones(string name, bool deep)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        using var adapter = AdapterSet.Create("a", new VptOptions { VirtualTokens = 3, Deep = deep }, golden.Model.Backbone, s_none, 0);
        var specials = name == "deit" ? 2 : 1;
        var p = adapter.Parameters().ToDictionary(x => x.FileName, x => (Tensor)x.Parameter);
        Assert.AreEqual((deep ? 2 : 1) * 3L * 32, adapter.TrainableCount);
        var bound = Math.Sqrt(6.0 / ((3 * golden.Model.Backbone.PatchPrompts!.PatchArea) + 32));
        Assert.IsLessThanOrEqualTo(bound, p["prompt_embeddings"].abs().max().item<float>());
        var seen = new List<(Tensor Hidden, long Rows)>();
        using var probes = AdapterSet.Create(
            "b", new ProbeOptions(_ => golden.Model.Backbone.Blocks.Select(site => new Probe(BlockPoint.AfterAttention, site.Index, (h, state) =>
            {
                seen.Add((state.Residual!.alias().MoveToOtherDisposeScope(_scope), state.Rows));
                return h;
            }, everyToken: true))),
            golden.Model.Backbone, s_none, 0);
        using var _ = no_grad();
        using var bare = ForwardContext.Predicting(probes);
        using var with = ForwardContext.Predicting(adapter, probes);
        var expected = golden.Forward(bare).Logits;
        var actual = golden.Forward(with).Logits;

        Assert.IsFalse(expected.allclose(actual, 1e-3, 1e-3));
        var blocks = golden.Model.Backbone.Blocks.Count;
        for (var k = 0; k < blocks; k++)
        {
            var (before, now) = (Tokens(seen[k]), Tokens(seen[blocks + k]));
            Assert.AreEqual(before.size(1) + 3, now.size(1));
            if (k == 0)
            {
                Golden.Close.Assert(before.narrow(1, 0, specials), now.narrow(1, 0, specials), "special tokens");
                Golden.Close.Assert(before.narrow(1, specials, before.size(1) - specials), now.narrow(1, specials + 3, before.size(1) - specials), "patches");
            }

            if (k == 0 || deep)
            {
                var set = k == 0 ? p["prompt_embeddings"] : p["deep_prompt_embeddings"][k - 1];
                Golden.Close.Assert(set.expand(now.size(0), 3, 32), now.narrow(1, specials, 3), $"block {k}");
            }
        }

        static Tensor Tokens((Tensor Hidden, long Rows) at) => at.Hidden.view(at.Rows, -1, at.Hidden.size(1));
    }

    private static double[][] Rows(Tensor x)
        => [.. Enumerable.Range(0, (int)x.size(0)).Select(k => x[k].detach().contiguous().data<float>().ToArray().Select(v => (double)v).ToArray())];
}
