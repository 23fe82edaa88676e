using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class TriAdaptLoraGoldenTests : GoldenMethodTests
{
    private static readonly string[] s_parameters = ["A", "B", "Crow", "Ccol"];

    public static IEnumerable<object[]> Cases => MethodKinds.Cases("triadaptlora", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_scores_and_weights_are_the_authors(string name) => Check("triadaptlora", name, golden =>
    {
        var layer = golden.Layer();
        var options = OptionsOf(golden) with
        {
            BlockSizes = new Dictionary<string, IReadOnlyList<int>> { [layer.Path] = golden.Ints("block_sizes") },
            OrthogonalWeight = golden.TryOption("orth_reg_weight")?.GetDouble() ?? 0.5,
        };
        var part = (TriAdaptLora)MethodCase.Parts(options, layer).Single();
        var named = Named(part);
        var blocks = Enumerable.Range(0, part.BlockSizes.Count);
        var recorded = blocks.SelectMany(_ => s_parameters, (block, kind) => ($"{kind}{block}", named[$"lora_{kind}_{block}"])).ToList();
        golden.Fill(recorded);

        golden.AssertForwardAndBackward(part.call);
        foreach (var (of, parameter) in recorded)
        {
            golden.AssertClose($"grad.{of}", parameter.grad);
        }

        golden.AssertClose("C", part.Core);
        golden.AssertClose("delta.weight", part.Delta());
        golden.AssertClose("merged.weight", part.Materialize(layer.Weight.Dense()));
        golden.AssertClose("score", tensor((float)part.Evaluate()));
        Assert.AreEqual(golden["score2"].item<float>(), part.Evaluate(), golden.Tolerance);
        using var set = AdapterSet.Of("x", options, [part], 1);
        golden.AssertClose("reg", set.Penalty());
    });

    /// <summary>The settings of a case, without the blocks, which a file has by the names of layers. An alpha that is not above 0 stands for the
    /// initial rank, as 0 does here.</summary>
    internal static TriAdaptLoraOptions OptionsOf(MethodCase golden)
        => golden.TryOption("lora_alpha")?.GetDouble() <= 0
            ? golden.Settings<TriAdaptLoraOptions>("block_sizes", "init", "lora_alpha") with { Alpha = 0 }
            : golden.Settings<TriAdaptLoraOptions>("block_sizes", "init");
}
