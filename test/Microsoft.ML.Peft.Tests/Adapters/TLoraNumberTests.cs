using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>TLoRA's published numbers: counts on the attention layers of two diffusion models, and the deviations of its start.</summary>
[TestClass]
public sealed class TLoraNumberTests
{
    // Blocks of attention by hidden size, and the width of the texts that their second attention looks at.
    private static readonly ((int Hidden, int Blocks)[] Sizes, int Texts) s_diffusion15 = ([(320, 5), (640, 5), (1280, 6)], 768);
    private static readonly ((int Hidden, int Blocks)[] Sizes, int Texts) s_diffusionXl = ([(640, 10), (1280, 60)], 2048);

    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Counts_are_those_of_the_paper()
    {
        Assert.AreEqual(797_184, Count(s_diffusion15, new LoraOptions { Rank = 4 })); // 0.80 M
        Assert.AreEqual(797_184, Count(s_diffusion15, new TLoraOptions { TransformRank = 0, Rank = 4 }));
        Assert.AreEqual(941_440, Count(s_diffusion15, new TLoraOptions { TransformRank = 2, Rank = 4 })); // TLoRA*(2,4), 0.94 M
        Assert.AreEqual(400_288, Count(s_diffusion15, new TLoraOptions { TransformRank = 2, Rank = 6, Residual = TLoraResidual.Tr })); // TLoRA(2,6), 0.40 M

        var lora = Count(s_diffusionXl, new LoraOptions { Rank = 1 });
        var small = Count(s_diffusionXl, new TLoraOptions { TransformRank = 1, Rank = 2, Residual = TLoraResidual.Tr });
        Assert.AreEqual(1_451_520, lora);
        Assert.AreEqual(396_720, small);
        Assert.AreEqual(0.273, (double)small / lora, 5e-4);
        Assert.AreEqual(1_697_040, Count(s_diffusionXl, new TLoraOptions { TransformRank = 1, Rank = 1 })); // the authors' script

        Assert.AreEqual(3_104, Of(768, 768, new TLoraOptions { TransformRank = 2, Rank = 6, Residual = TLoraResidual.Tr }));
        Assert.AreEqual(72, Of(64, 64, new TLoraOptions { TransformRank = 1, Rank = 1, Residual = TLoraResidual.Tr }));
        Assert.AreEqual(128, Of(64, 64, new LoraOptions { Rank = 1 }));
    }

    [TestMethod]
    public void The_start_has_the_deviations_of_the_authors()
    {
        Assert.AreEqual(0.57735 / Math.Sqrt(1280), Deviation(new() { Rank = 64 }, "lora_A"), 2e-4);
        Assert.AreEqual(Math.Sqrt(10) / (16 * 16), Deviation(new() { Rank = 16, Residual = TLoraResidual.Tr }, "out_core_2"), 4e-4); // √J₂/r² with 1280 = 8·10·16
        Assert.AreEqual(1 / Math.Sqrt(16), Deviation(new() { Rank = 16, Residual = TLoraResidual.Tr }, "in_core_3"), 0.01); // 1/√I₃
        Assert.AreEqual(0.57735 / Math.Sqrt(10 * 16 * 16), Deviation(new() { Rank = 16, Residual = TLoraResidual.Trm }, "core_2"), 2e-4);
        Assert.AreEqual(1e-3, Deviation(new() { TransformRank = 4, RingInitJitter = 1e-3 }, "transform_3", new TLoraOptions { TransformRank = 4 }), 4e-5);
        foreach (var (options, name) in new[] { (new TLoraOptions(), "lora_B"), (new TLoraOptions { Residual = TLoraResidual.Tr }, "out_core_1"), (new TLoraOptions { Residual = TLoraResidual.Trm }, "core_1") })
        {
            Assert.AreEqual(0, Deviation(options, name));
        }
    }

    [TestMethod]
    public void The_scale_is_that_of_rsLoRA_for_every_residual_unless_it_is_turned_off()
    {
        foreach (var residual in Enum.GetValues<TLoraResidual>())
        {
            using var stable = Randomized(true);
            using var plain = Randomized(false);
            Golden.Close.Assert(plain.Factors.Residual().mul(2).detach(), stable.Factors.Residual().detach(), $"{residual}", 1e-5); // α/√4 and α/4

            TLora Randomized(bool stabilized)
            {
                random.manual_seed(3);
                var part = (TLora)MethodCase.Parts(new TLoraOptions { Residual = residual, RankStabilized = stabilized, Alpha = 3 }, Layer(12, 8)).Single();
                using var _ = no_grad();
                foreach (var parameter in part.parameters())
                {
                    nn.init.normal_(parameter);
                }

                return part;
            }
        }
    }

    [TestMethod]
    public void Only_the_residual_drops_inputs_and_the_transform_may_keep_out_of_the_decay()
    {
        var part = (TLora)MethodCase.Parts(new TLoraOptions { Dropout = 0.99, TransformDecays = false }, Layer(12, 8)).Single();
        using (no_grad())
        {
            nn.init.normal_(part.get_parameter("transform_2")!); // B is 0: what is dropped changes nothing
        }

        var x = randn(5, 12);
        part.train();
        var training = part.call(x);
        part.eval();
        Golden.Close.Assert(part.call(x).detach(), training.detach(), "output", 1e-6);
        CollectionAssert.AreEqual(new[] { "transform_1", "transform_2", "transform_3" }, Undecayed(part));
        Assert.IsEmpty(Undecayed((TLora)MethodCase.Parts(new TLoraOptions(), Layer(12, 8)).Single()));

        static string[] Undecayed(TLora of) => [.. of.named_parameters().Select(p => p.name).Where(name => !of.GroupOf(name).Decays).Order()];
    }

    // A block: an attention to itself with four layers, one to the texts with two from the hidden size and two from theirs.
    private static long Count(((int Hidden, int Blocks)[] Sizes, int Texts) model, AdapterOptions options)
        => model.Sizes.Sum(s => s.Blocks * ((6 * Of(s.Hidden, s.Hidden, options)) + (2 * Of(model.Texts, s.Hidden, options))));

    private static long Of(int inputs, int outputs, AdapterOptions options) => MethodCase.Parts(options, Layer(inputs, outputs)).Single().parameters().Sum(p => p.numel());

    // Root mean square of a parameter, or of what it differs from that of other options.
    private static double Deviation(TLoraOptions options, string name, TLoraOptions? from = null)
    {
        using var _ = no_grad();
        var start = Start(options);
        return (from is null ? start : start - Start(from)).square().mean().sqrt().item<float>();

        Tensor Start(TLoraOptions of) => MethodCase.Parts(of, Layer(1280, 1280)).Single().get_parameter(name)!.detach();
    }

    private static LinearLayer Layer(int inputs, int outputs) => new("block.0.query", 0, new DenseWeight(zeros(1, 1).expand(outputs, inputs)), null);
}
