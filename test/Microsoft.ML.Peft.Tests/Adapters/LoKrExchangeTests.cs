using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>DiffuseKronA as a LoKr file, and back.</summary>
[TestClass]
public sealed class LoKrExchangeTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _model = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        _model = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
    }

    [TestCleanup]
    public void Close()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    [DataRow(16, 2, false)] // no decompose_factor gives 16 × 2
    [DataRow(32, 1, false)]
    [DataRow(4, 4, true)]
    [DataRow(8, 8, true)]
    public void Every_choice_of_factors_goes_through_a_LoKr_file_and_back(int a1, int a2, bool fitsHuggingFace)
    {
        using var krona = Created(new DiffuseKronaOptions { A1 = a1, A2 = a2, Scaling = 0.7 });
        Randomize(krona);
        var expected = Logits(krona);
        Assert.IsFalse(Logits(null).allclose(expected));
        Assert.AreEqual(fitsHuggingFace, LoKrExchange.FitsHuggingFace(krona));

        using var lokr = LoKrExchange.ToLoKr(krona);
        using var read = ThroughFile(lokr);
        Golden.Close.Assert(expected, Logits(read), "LoKr");
        if (fitsHuggingFace)
        {
            // What HF PEFT makes of the settings has the shapes of the file.
            using var made = Created(lokr.Options!);
            CollectionAssert.AreEqual(Shapes(lokr), Shapes(made));
        }

        using var back = LoKrExchange.FromLoKr(read);
        using var again = ThroughFile(back);
        Golden.Close.Assert(expected, Logits(again), "DiffuseKronA");
    }

    [TestMethod]
    public void Low_rank_factors_and_alphas_of_single_layers_are_multiplied_out()
    {
        using var lokr = Created(new LoKrOptions { Rank = 2, Alpha = 6, DecomposeBoth = true, DecomposeFactor = 8, AlphaPattern = new Dictionary<string, double> { ["value"] = 1 } });
        Randomize(lokr);

        using var krona = LoKrExchange.FromLoKr(lokr);
        Golden.Close.Assert(Logits(lokr), Logits(krona), "DiffuseKronA");
    }

    [TestMethod]
    public void Trained_copies_come_along()
    {
        using var krona = AdapterSet.Create("x", new DiffuseKronaOptions { A1 = 4, A2 = 4, ModulesToSave = ["pooler.dense"] }, _model.Model.Backbone, new CopiedModules([], []), 0);
        Randomize(krona);
        using var lokr = LoKrExchange.ToLoKr(krona);

        Golden.Close.Assert(Logits(krona), Logits(lokr), "LoKr");
    }

    [TestMethod]
    public void Shuffled_outputs_and_other_methods_are_refused()
    {
        using var shuffled = Created(new DiffuseKronaOptions { A1 = 4, A2 = 4, Layout = KronaLayout.Shuffled });
        using var lora = Created(new LoraOptions { Rank = 1 });

        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => LoKrExchange.ToLoKr(shuffled)).Message, "outputs shuffled");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => LoKrExchange.ToLoKr(lora)).Message, "is LoRA; only DiffuseKronA");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => LoKrExchange.FromLoKr(shuffled)).Message, "is DiffuseKronA; only LoKr");
        var patches = new PatchLayer("patches", 0, randn(8, 4, 2, 2), null, (2, 2), (2, 2));
        using var initialization = new Initialization(0);
        var options = new DiffuseKronaOptions { A1 = 4, A2 = 2 };
        using var pictures = AdapterSet.Of("x", options, [.. options.CreateParts(new AdapterBuild([patches], initialization))], 1);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => LoKrExchange.ToLoKr(pictures)).Message, "'patches' is a convolution");
    }

    private AdapterSet Created(AdapterOptions options) => AdapterSet.Create("x", options, _model.Model.Backbone, new CopiedModules([], []), 0);

    private AdapterSet ThroughFile(AdapterSet set)
    {
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "bert");
        var read = Created(AdapterCheckpoint.ReadOptions(folder.Path));
        AdapterCheckpoint.ReadTensors(read, folder.Path);
        return read;
    }

    private Tensor Logits(AdapterSet? set)
    {
        using var context = set is null ? ForwardContext.Predicting() : ForwardContext.Predicting(set);
        return _model.Forward(context).Logits.detach();
    }

    private static string[] Shapes(AdapterSet set) => [.. set.Parameters().Select(p => $"{p.FileName} ({string.Join(", ", p.Parameter.shape)})")];

    private static void Randomize(AdapterSet set)
    {
        using var _ = no_grad();
        foreach (var (parameter, _) in set.TrainedParameters())
        {
            nn.init.normal_(parameter, std: 0.5);
        }
    }
}
