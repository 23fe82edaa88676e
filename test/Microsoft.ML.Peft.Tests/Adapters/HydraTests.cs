using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What Hydra owes.</summary>
[TestClass]
public sealed class HydraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new HydraOptions { ParallelRank = 2, SequentialRank = 3, UseBias = true };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * (inputs + outputs)) + (3 * 2 * outputs) + 2 + 3 + (2 * outputs);

    [TestMethod]
    public void The_sequential_branch_sees_the_bias()
    {
        var layer = Layer();
        var hydra = MethodCase.Parts(new HydraOptions { ParallelRank = 0, SequentialRank = 2, Scaling = 3 }, layer).Single();
        Randomize(hydra);
        var named = hydra.named_parameters().ToDictionary(p => p.name, p => p.parameter);

        var expected = layer.Bias! + named["B_s"].mm(named["A_s"]).mv(layer.Bias!).mul(3);
        AssertClose(expected.unsqueeze(0), ((Hydra)hydra).call(zeros(1, 6)));
    }

    [TestMethod]
    public void The_papers_counts_of_whole_models_are_met()
    {
        Assert.AreEqual(331_776, 12 * Count(new(), (3072, 768))); // RoBERTa-base, the second layer of each feed-forward part
        var vit = new HydraOptions { ParallelRank = 2, SequentialRank = 2, UseBias = true };
        Assert.AreEqual(239_712, 12 * (Count(vit, (3072, 768)) + Count(vit, (768, 768)))); // ViT-B/16, that of the attention too
    }

    [TestMethod]
    public void Without_one_branch_it_is_lora_or_a_change_of_the_output()
    {
        var (layer, x) = (Layer(), Input());
        var parallel = Make(new() { ParallelRank = 2, SequentialRank = 0, Scaling = 3 }, layer);
        var (a, b) = (Parameter(parallel, "A_p"), Parameter(parallel, "B_p"));
        AssertClose(Base(layer, x) + x.matmul(a.t()).matmul(b.t()) * 3, parallel.call(x));

        var sequential = Make(new() { ParallelRank = 0, SequentialRank = 2, Scaling = 3 }, layer);
        (a, b) = (Parameter(sequential, "A_s"), Parameter(sequential, "B_s"));
        AssertClose(Base(layer, x).matmul((eye(4) + (b.mm(a) * 3)).t()), sequential.call(x));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void It_is_a_lora_of_both_ranks_with_a_bias(bool biases)
    {
        var options = new HydraOptions { ParallelRank = 2, SequentialRank = 3, Scaling = 2, UseBias = biases };
        var hydra = Make(options, Layer());
        using var set = AdapterSet.Of("x", options, [hydra], 1);
        using var lora = AdapterConversion.ToLora(set);

        Assert.AreEqual(5, ((LoraOptions)lora.Options!).Rank);
        Assert.IsTrue(((LoraOptions)lora.Options!).HasBias);
        var x = Input();
        AssertClose(hydra.call(x), ((Lora)lora.Adapters.Single()).call(x));
    }

    [TestMethod]
    public void The_first_gradient_reaches_the_up_matrices_alone()
    {
        var hydra = MethodCase.Parts(new HydraOptions { ParallelRank = 2, SequentialRank = 2 }, Layer()).Single();
        ((Hydra)hydra).call(Input()).sum().backward();
        foreach (var (name, parameter) in hydra.named_parameters())
        {
            Assert.AreEqual(name[0] == 'B', parameter.grad!.count_nonzero().item<long>() > 0, name);
        }
    }

    // The authors' merge gives the attention's layer the weight of the feed-forward part's.
    [TestMethod]
    public void Layers_are_merged_by_their_own_weights()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "vit", null));
        using var set = AdapterSet.Create("x", new HydraOptions { ParallelRank = 2, SequentialRank = 2, UseBias = true }, golden.Model.Backbone, new CopiedModules([], []), 0);
        Assert.AreEqual(2 * golden.Model.Backbone.Blocks.Count, set.Adapters.Count);
        using (no_grad())
        {
            foreach (var (parameter, _) in set.TrainedParameters())
            {
                nn.init.normal_(parameter, std: 0.1);
            }
        }

        var (bare, expected) = (Logits(), Logits(set));
        using (set.Merge())
        {
            Golden.Close.Assert(expected, Logits(), "merged");
        }

        Assert.IsFalse(bare.allclose(expected));
        Assert.IsTrue(bare.equal(Logits()).all().item<bool>());

        Tensor Logits(params AdapterSet[] with)
        {
            using var __ = no_grad();
            using var context = ForwardContext.Predicting(with);
            return golden.Forward(context).Logits;
        }
    }

    [TestMethod]
    public void In_CLIP_it_goes_on_the_image_encoder()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "clip", null));
        var targets = ((AdapterOptions)new HydraOptions()).DefaultTargets(golden.Model.Backbone);
        Assert.IsTrue(targets.Count > 0 && targets.All(t => t.Contains("vision_model.", StringComparison.Ordinal) && t.EndsWith("mlp.fc2", StringComparison.Ordinal)), string.Join(", ", targets));
    }

    private Hydra Make(HydraOptions options, LinearLayer layer)
    {
        var hydra = (Hydra)MethodCase.Parts(options, layer).Single();
        Randomize(hydra);
        return hydra;
    }

    private static long Count(HydraOptions options, (long Inputs, long Outputs) layer)
        => MethodCase.Parts(options, Layer(layer.Inputs, layer.Outputs)).Single().parameters().Sum(p => p.numel());
}
