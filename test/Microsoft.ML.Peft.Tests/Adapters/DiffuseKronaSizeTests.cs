using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Sizes of DiffuseKronA: what is trained on the paper's model, which factors a layer gets, and where they go.</summary>
[TestClass]
public sealed class DiffuseKronaSizeTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    // 70 transformer layers of SDXL's UNet: self-attention d × d, cross-attention with keys and values of 2048 inputs.
    [TestMethod]
    [DataRow(null, null, 3_874_560L)] // the paper's 3.8 M
    [DataRow(64, 4, 3_874_560L)]
    [DataRow(64, 8, 2_152_320L)]      // the authors' scripts
    [DataRow(64, 16, 1_506_240L)]
    public void Counts_on_the_papers_model_are_met(int? a1, int? a2, long expected)
        => Assert.AreEqual(expected, OnSdxl(new DiffuseKronaOptions { A1 = a1, A2 = a2 }));

    [TestMethod]
    public void LoRA_there_has_the_papers_count_too_which_is_half_as_much_again()
    {
        var lora = OnSdxl(new LoraOptions { Rank = 4 });
        Assert.AreEqual(5_806_080, lora);
        Assert.AreEqual(0.667, (double)OnSdxl(new DiffuseKronaOptions()) / lora, 5e-4);
    }

    [TestMethod]
    public void A_single_layer_of_it_has_3712_numbers() => Assert.AreEqual(512 + (20 * 160), Of(1280, 1280, new DiffuseKronaOptions { A1 = 64, A2 = 8 }));

    [TestMethod]
    [DataRow(1280, 1280, 64, 4)]
    [DataRow(30, 50, 30, 10)]  // 25 divides the inputs, and 10 · 25 would have a1 below a2
    [DataRow(7, 5, 7, 5)]
    public void Sizes_that_are_not_given_come_near_the_papers_product(int outputs, int inputs, int a1, int a2)
        => Assert.AreEqual((a1, a2), DiffuseKronaOptions.Usual(outputs, inputs));

    [TestMethod]
    public void Sizes_can_differ_by_layer()
    {
        var options = new DiffuseKronaOptions { A1 = 2, A2 = 3, FactorPattern = new Dictionary<string, IReadOnlyList<int>> { ["value"] = [4, 1] } };
        options = (DiffuseKronaOptions)AdapterOptions.FromJson(options.ToJson(), "test");

        Assert.AreEqual((4, 1), options.FactorsOf("layer.0.value", 4, 6));
        Assert.AreEqual((2, 3), options.FactorsOf("layer.0.query", 4, 6));
    }

    [TestMethod]
    [DataRow(3, 3, "a1 is 3 and 'block.0.query' has 4 outputs; it must be one of their divisors 1, 2, 4.")]
    [DataRow(2, 4, "a2 is 4 and 'block.0.query' has 6 inputs; it must be one of their divisors 1, 2, 3, 6.")]
    public void Sizes_that_do_not_divide_the_layer_are_refused(int a1, int a2, string message)
        => Assert.AreEqual(message, Assert.ThrowsExactly<PeftException>(() => Of(6, 4, new DiffuseKronaOptions { A1 = a1, A2 = a2 })).Message);

    [TestMethod]
    public void Half_a_size_is_refused()
        => StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => new DiffuseKronaOptions { A1 = 3 }.Validate()).Message, "A1 is 3 and A2 is not set; set both");

    [TestMethod]
    public void Default_targets_are_the_projections_of_every_attention()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        using var krona = AdapterSet.Create("x", new DiffuseKronaOptions { A1 = 2, A2 = 2 }, golden.Model.Backbone, new CopiedModules([], []), 0);

        CollectionAssert.AreEquivalent(new[] { "query", "key", "value", "attention.output.dense" }, krona.Options!.TargetModules!.Names!.ToArray());
        Assert.AreEqual(4 * krona.Adapters.Count(part => part.Path.EndsWith("query", StringComparison.Ordinal)), krona.Adapters.Count);
    }

    private static long OnSdxl(AdapterOptions options)
    {
        (long Width, int Layers)[] widths = [(640, 10), (1280, 60)];
        return widths.Sum(w => w.Layers * ((6 * Of(w.Width, w.Width, options)) + (2 * Of(2048, w.Width, options))));
    }

    private static long Of(long inputs, long outputs, AdapterOptions options)
        => MethodCase.Parts(options, new LinearLayer("block.0.query", 0, new DenseWeight(zeros(1, 1).expand(outputs, inputs)), null)).Single().parameters().Sum(p => p.numel()); // no memory
}
