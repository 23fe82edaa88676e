using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LlmAdaptersGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Networks => MethodKinds.Cases("llm-adapters", MethodKinds.Bottleneck);

    public static IEnumerable<object[]> Loras => MethodKinds.Cases("llm-adapters", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void Bottlenecks_give_the_authors_outputs_and_gradients(string name) => Check("llm-adapters", name, golden =>
    {
        var options = golden.Settings<LinearBottleneckOptions>();
        var layer = golden.Layer("block.0." + golden.Text("target"));
        var part = (LinearBottleneck)MethodCase.Parts(options, layer).Single();
        Compare(golden, part, layer, ("adapter_down.weight", "down"), ("adapter_up.weight", "up"), ("adapter_scaling", "scaling"));
        var placement = Enum.Parse<BottleneckPlacement>(golden.Text("placement")!);
        Assert.AreEqual(placement, part.Place);
        var chosen = ((LinearBottleneck)MethodCase.Parts(options with { Placement = BottleneckPlacement.Auto }, layer).Single()).Place;
        // The authors' use_parallel_adapter overrules the name.
        Assert.IsTrue(chosen == placement || placement == BottleneckPlacement.Parallel, $"The target's name gives {chosen}.");
    });

    [TestMethod]
    [DynamicData(nameof(Loras))]
    public void Lora_gives_the_authors_outputs_gradients_and_merged_weights(string name) => Check("llm-adapters", name, golden =>
    {
        var layer = golden.Layer();
        var options = new LoraOptions { Rank = golden.Int("lora_r"), Alpha = golden.Number("lora_alpha"), Dropout = golden.Number("lora_dropout") };
        Compare(golden, (LinearAdapter)MethodCase.Parts(options, layer).Single(), layer, ("lora_A", "lora_A"), ("lora_B", "lora_B"));
    });

    private static void Compare(MethodCase golden, LinearAdapter part, LinearLayer layer, params (string Ours, string Recorded)[] names)
    {
        var named = Named(part).Select(p => (names.Single(n => n.Ours == p.Key).Recorded, Parameter: p.Value)).ToList();
        golden.Fill(named);
        golden.AssertForwardAndBackward(part.call);
        foreach (var (recorded, parameter) in named)
        {
            golden.AssertClose($"grad.{recorded}", parameter.grad);
        }

        golden.AssertCloseIfThere("disabled.output", () =>
        {
            using var context = ForwardContext.Predicting();
            return layer.Forward(golden["input"], context);
        });
        golden.AssertCloseIfThere("merged.weight", () => part.Materialize(layer.Weight.Dense()));
    }
}
