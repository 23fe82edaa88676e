using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>LoRA on expert tensors; the numbers of HF PEFT are in the golden cases.</summary>
[TestClass]
public sealed class LoraExpertsTests
{
    private const string GateUp = "mlp.experts.gate_up_proj", Down = "mlp.experts.down_proj";

    private DisposeScope _scope = null!;
    private GoldenModel _golden = null!;

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _golden = GoldenModel.Load(new(GoldenFolder.Root, "mixtral", null));
    }

    [TestCleanup]
    public void Close()
    {
        _golden.Dispose();
        _scope.Dispose();
    }

    // 4 experts, hidden 32, inner 48, two blocks.
    [TestMethod]
    public void The_update_of_an_expert_is_made_of_its_own_rows_of_A_and_columns_of_B()
    {
        using var set = Created(new() { Rank = 2, Alpha = 6, TargetModules = TargetModules.None, TargetParameters = [Down] });
        var part = (LoraExperts)set.Adapters[0];
        var (a, b) = (part.parameters().First(), part.parameters().Last());
        CollectionAssert.AreEqual(new long[] { 8, 48 }, a.shape);
        CollectionAssert.AreEqual(new long[] { 32, 8 }, b.shape);
        Assert.IsTrue(set.ChangesNothing());
        Assert.AreEqual(2 * 4 * 2 * (32 + 48), set.TrainableCount);
        using var _ = no_grad();
        b.copy_(arange(b.numel()).view(b.shape).mul(0.01));

        var update = part.Materialize(part.Layer.Weight) - part.Layer.Weight;

        for (var expert = 0; expert < 4; expert++)
        {
            // Column r·E + e of B is that of rank r and expert e; row e·R + r of A is that of expert e and rank r.
            var expected = b.narrow(1, expert, 1).mm(a.narrow(0, 2 * expert, 1)) + b.narrow(1, 4 + expert, 1).mm(a.narrow(0, (2 * expert) + 1, 1));
            Golden.Close.Assert(expected * 3, update.select(0, expert), $"expert {expert}");
        }
    }

    [TestMethod]
    public void Gradients_reach_only_experts_that_have_tokens()
    {
        using var set = Created(new() { Rank = 2, Start = LoraStart.Random, TargetModules = TargetModules.None, TargetParameters = [GateUp, Down] });
        var call = ((ExpertLayer)_golden.Model.Layers.First(layer => layer.IsParameter)).Open(ForwardContext.Predicting(set));

        call.Forward(randn(5, 32), 2).square().sum().backward();

        var gradient = set.Adapters[0].parameters().First().grad!.view(4, 2, 32).abs().sum([1, 2]);
        CollectionAssert.AreEqual(new[] { false, false, true, false }, Enumerable.Range(0, 4).Select(e => gradient[e].item<float>() > 0).ToArray());
    }

    [TestMethod]
    public void A_plan_tells_tensors_counts_and_what_cannot_be_done()
    {
        var plan = new LoraOptions { Rank = 4, TargetParameters = [GateUp, Down] }.Plan(_golden.Model.Backbone);
        Assert.HasCount(8, plan.Targets); // q_proj and v_proj, the defaults, beside the experts
        Assert.Contains("model.layers.1.mlp.experts.gate_up_proj", plan.Targets);
        Assert.AreEqual(896 + 6656, plan.TrainableCount);
        Assert.IsTrue(plan.Merges);
        Assert.IsFalse(plan.MixesInBatch);
        Assert.IsEmpty(plan.Notes);
        using var all = Created(new() { LoraPlusRatio = 8, TargetModules = TargetModules.AllLinear, TargetParameters = [Down] });
        Assert.AreEqual("q_proj, k_proj, v_proj, o_proj", all.Options!.TargetModules!.ToString());
        Assert.AreEqual(8, all.TrainedParameters().Single(p => ReferenceEquals(p.Parameter, all.Adapters.OfType<LoraExperts>().First().parameters().Last())).Group.LearningRateFactor);

        using var set = Created(new() { TargetModules = TargetModules.None, TargetParameters = [Down] });
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => ForwardContext.ByRow([set, null])).Message, "with these settings, which cannot share a batch");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterCombination.Combine([set], [1], "c")).Message, "adapters of expert tensors cannot be combined");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterConversion.ToLora(set, 2)).Message, "in a way that LoRA cannot");
    }

    public static IEnumerable<object[]> Refused =>
    [
        [new LoraOptions { UseDora = true }, "UseDora"], [new LoraOptions { HasBias = true }, "HasBias"], [new LoraOptions { Dropout = 0.1 }, "Dropout"],
        [new LoraOptions { InvocationTokens = [1] }, "InvocationTokens"], [new LoraOptions { FreezeA = true }, "FreezeA"], [new LoraOptions { Start = LoraStart.Pissa }, "Start, to 'pissa'"],
    ];

    [TestMethod]
    [DynamicData(nameof(Refused))]
    public void What_LoRA_on_experts_does_not_have_is_refused(LoraOptions options, string named)
        => StringAssert.Contains(Assert.Throws<ArgumentException>(() => Created(options with { TargetParameters = [Down] })).Message, $"TargetParameters is set and so is {named}");

    [TestMethod]
    public void Names_that_are_no_expert_tensors_get_those_that_are()
    {
        StringAssert.Contains(Error(new() { TargetParameters = ["gate.weight"] }), "it has mlp.experts.gate_up_proj, mlp.experts.down_proj. Other layers go in target_modules.");
        StringAssert.Contains(Error(new() { TargetModules = TargetModules.Named("down_proj") }), "Its expert tensors, which target_parameters takes, are called mlp.experts.gate_up_proj, mlp.experts.down_proj.");
        StringAssert.Contains(Error(new() { TargetModules = TargetModules.None }), "target_modules is an empty list and there are no target_parameters");
        using var partly = Created(new() { TargetModules = TargetModules.Named("q_proj", "down_proj") });
        StringAssert.Contains(partly.Notes.Single(), "which target_parameters takes, are called");

        string Error(LoraOptions options) => Assert.ThrowsExactly<PeftException>(() => Created(options)).Message;
    }

    private AdapterSet Created(LoraOptions options) => AdapterSet.Create("default", options, _golden.Model.Backbone, new([], []), 0);
}
