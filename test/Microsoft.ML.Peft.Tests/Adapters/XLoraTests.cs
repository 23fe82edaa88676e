using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>X-LoRA against its experts run alone or together with known shares, on the golden set's tiny decoder.</summary>
[TestClass]
public sealed class XLoraTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _llama = null!;
    private TemporaryFolder _folder = null!;
    private XLoraOptions _options = null!;

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _llama = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
        _folder = new TemporaryFolder();
        var options = new LoraOptions { Rank = 3, Start = LoraStart.Random };
        foreach (var (name, seed) in new[] { ("0", 1), ("1", 2) })
        {
            // The second one acts on more layers than the first.
            using var expert = Lora(seed == 1 ? options : options with { Alpha = 20, TargetModules = TargetModules.Named("q_proj", "v_proj", "down_proj", "embed_tokens") }, seed);
            AdapterCheckpoint.Write(expert, Path.Combine(_folder.Path, name), "CAUSAL_LM", "base");
        }

        _options = new() { Adapters = new Dictionary<string, string> { ["1"] = Path.Combine(_folder.Path, "1"), ["0"] = Path.Combine(_folder.Path, "0") } };
    }

    [TestCleanup]
    public void Close()
    {
        _llama.Dispose();
        _folder.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void A_classifier_that_has_decided_gives_one_expert(int expert)
    {
        using var set = Create(_options);
        Decide(set, bias => bias[expert].fill_(200));
        using var alone = AdapterCheckpointed(expert);

        AssertClose(Logits(ForwardContext.Predicting(alone)), Logits(ForwardContext.Predicting(set)));
    }

    [TestMethod]
    public void Equal_shares_are_both_experts_at_half_their_strength_times_the_global_weight()
    {
        using var set = Create(_options with { GlobalScalingWeight = 3 });
        Decide(set, _ => { });
        using var first = AdapterCheckpointed(0, 1.5);
        using var second = AdapterCheckpointed(1, 1.5);

        AssertClose(Logits(ForwardContext.Predicting(first, second)), Logits(ForwardContext.Predicting(set)));
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(0.5)]
    public void The_classifier_reads_the_hidden_states_of_a_pass_with_the_fixed_share(double value)
    {
        var options = _options with { ScalingPassValue = value, Temperature = 0.7 };
        using var set = Create(options);
        using var first = AdapterCheckpointed(0, value);
        using var second = AdapterCheckpointed(1, value);
        using var before = value == 0 ? ForwardContext.Predicting() : ForwardContext.Predicting(first, second);
        using var context = ForwardContext.Predicting(set);
        using var _ = no_grad();
        _llama.Forward(context);

        var hidden = ((Decoder)_llama.Model.Backbone).Forward(_llama.Inputs.Tokens!, before);
        var classifier = set.Adapters.OfType<XLoraClassifier>().Single();
        var logits = nn.functional.linear(hidden, Of(classifier, "0-weight"), Of(classifier, "0-bias"));
        AssertClose(nn.functional.softmax(logits / 0.7, -1).unsqueeze(1), classifier.ScalingsOf(context)!);
    }

    [TestMethod]
    public void Each_token_has_its_own_share_of_each_expert()
    {
        using var set = Create(_options);
        using var context = ForwardContext.Predicting(set);
        using var _ = no_grad();
        _llama.Forward(context);
        var shares = set.Adapters.OfType<XLoraClassifier>().Single().ScalingsOf(context)!.squeeze(1); // (tokens, experts)
        Assert.IsFalse(shares[0].allclose(shares[1]));
        var part = set.Adapters.OfType<XLora>().First(p => p.Path.EndsWith("v_proj", StringComparison.Ordinal));
        var x = randn(shares.size(0), part.Layer.InFeatures);
        var expected = part.Layer.Weight.Multiply(x, part.Layer.Bias);
        for (var k = 0; k < 2; k++)
        {
            using var alone = AdapterCheckpointed(k);
            var lora = alone.Adapters.OfType<Lora>().Single(p => p.Path == part.Path);
            expected = expected + (shares.narrow(1, k, 1) * nn.functional.linear(x, lora.Delta()));
        }

        AssertClose(expected, part.Forward(x, new LayerCall(part.Layer, [], context)));
    }

    [TestMethod]
    public void Layers_can_have_shares_of_their_own()
    {
        var options = _options with { Layerwise = true };
        using var set = Create(options);
        var layers = set.Adapters.Where(p => p is not XLoraClassifier).ToList();
        Decide(set, bias => bias.view(layers.Count, 2).select(1, 1)[1].fill_(200)); // the second layer takes the second expert alone
        using var context = ForwardContext.Predicting(set);
        using var _ = no_grad();
        _llama.Forward(context);

        var scalings = set.Adapters.OfType<XLoraClassifier>().Single().ScalingsOf(context)!;
        CollectionAssert.AreEqual(new[] { scalings.size(0), layers.Count, 2 }, scalings.shape);
        AssertClose(full_like(scalings.select(1, 0), 0.5), scalings.select(1, 0));
        var second = (XLora)layers[1];
        var x = randn(scalings.size(0), second.Layer.InFeatures);
        using var alone = AdapterCheckpointed(1);
        var lora = alone.Adapters.OfType<Lora>().Single(p => p.Path == second.Path);
        AssertClose(second.Layer.Weight.Multiply(x, null) + nn.functional.linear(x, lora.Delta()), second.Forward(x, new LayerCall(second.Layer, [], context)));
    }

    [TestMethod]
    public void The_largest_shares_can_be_kept_and_made_to_add_up()
    {
        using var set = Create(_options with { TopK = 1 });
        Decide(set, bias => bias[1].fill_(1)); // shares 0.27 and 0.73
        using var second = AdapterCheckpointed(1, Math.E / (1 + Math.E));
        AssertClose(Logits(ForwardContext.Predicting(second)), Logits(ForwardContext.Predicting(set)));

        using var summing = Create(_options with { TopK = 1, EnableSoftmax = false, EnableSoftmaxTopK = true });
        Decide(summing, bias => bias[1].fill_(1)); // whatever the share of the one, it is 1
        using var whole = AdapterCheckpointed(1);
        AssertClose(Logits(ForwardContext.Predicting(whole)), Logits(ForwardContext.Predicting(summing)));
        Assert.HasCount(1, Create(_options with { EnableSoftmaxTopK = true, TopK = 2 }).Notes);
    }

    [TestMethod]
    public void Only_the_classifier_learns_unless_the_experts_shall_too()
    {
        const int Hidden = 32;
        Assert.AreEqual(Hidden, _llama.Model.Backbone.HiddenSize);
        using var set = Create(_options with { Depth = 3, Size = 8 });
        Assert.AreEqual((Hidden * 8) + 8 + (8 * 8) + 8 + (8 * 2) + 2, set.TrainableCount);
        using (var context = ForwardContext.TrainingWith(1, set))
        {
            _llama.Forward(context).Logits.square().mean().backward();
        }

        Assert.IsTrue(set.TrainedParameters().All(p => p.Parameter.grad is not null && p.Parameter.grad.isfinite().all().item<bool>()));
        Assert.IsTrue(set.Adapters.Where(p => p is not XLoraClassifier).SelectMany(p => p.parameters()).All(p => p.grad is null));

        using var both = Create(_options with { TrainsExperts = true });
        using (var context = ForwardContext.TrainingWith(1, both))
        {
            _llama.Forward(context).Logits.square().mean().backward();
        }

        Assert.IsTrue(both.TrainedParameters().All(p => p.Parameter.grad is not null));
        Assert.IsGreaterThan(set.TrainedParameters().Count(), both.TrainedParameters().Count());
    }

    // A second pass with the same context, and a second call without the inputs having changed, read the classifier anew.
    [TestMethod]
    public void Each_pass_asks_the_classifier_again()
    {
        using var set = Create(_options);
        using var context = ForwardContext.Predicting(set);
        using var _ = no_grad();
        var before = _llama.Forward(context).Logits;
        Decide(set, bias => bias[0].fill_(200));

        Assert.IsFalse(before.allclose(_llama.Forward(context).Logits, 1e-4, 1e-4));
    }

    private static Parameter Of(nn.Module part, string name) => part.named_parameters().Single(p => p.name == name).parameter;

    private static void AssertClose(Tensor expected, Tensor actual) => Golden.Close.Assert(expected, actual.detach(), "X-LoRA");

    private static void Decide(AdapterSet set, Action<Tensor> bias)
    {
        using var _ = no_grad();
        var classifier = set.Adapters.OfType<XLoraClassifier>().Single();
        Of(classifier, "0-weight").zero_();
        Of(classifier, "0-bias").zero_();
        bias(Of(classifier, "0-bias"));
    }

    private AdapterSet Create(XLoraOptions options) => AdapterSet.Create("x", options, _llama.Model.Backbone, new CopiedModules([], []), 5);

    private AdapterSet Lora(LoraOptions options, long seed) => AdapterSet.Create("expert", options, _llama.Model.Backbone, new CopiedModules([], []), seed);

    private AdapterSet AdapterCheckpointed(int expert, double strength = 1)
    {
        var folder = Path.Combine(_folder.Path, $"{expert}");
        var options = (LoraOptions)AdapterCheckpoint.ReadOptions(folder);
        var set = Lora(options with { Alpha = Math.Max(1e-9, options.Alpha * strength) }, 0);
        AdapterCheckpoint.ReadTensors(set, folder);
        return set;
    }

    private Tensor Logits(ForwardContext context)
    {
        using var _ = no_grad();
        using (context)
        {
            return _llama.Forward(context).Logits;
        }
    }
}
