using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>DiffuseKronA on convolutions: the product of the channels, and patches of pictures.</summary>
[TestClass]
public sealed class DiffuseKronaConvolutionTests
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
    [DataRow(KronaLayout.Kron)]
    [DataRow(KronaLayout.Shuffled)]
    public void Each_place_of_the_kernel_has_a_Kronecker_product_of_channels(KronaLayout layout)
    {
        var weight = randn(6, 4, 2, 3);
        var layer = new PatchLayer("patches", 0, weight, randn(6), (2, 3), (2, 3));
        var part = Part(new() { A1 = 3, A2 = 2, Scaling = 0.5, Layout = layout }, layer);
        Assert.IsTrue(weight.eq(part.Materialize(weight)).all().item<bool>());
        var (a, b) = (part.get_parameter("krona_A")!, part.get_parameter("krona_B")!);
        CollectionAssert.AreEqual(new long[] { 2, 2, 2, 3 }, b.shape);
        Assert.AreEqual((3 * 2) + (2 * 2 * 6), part.parameters().Sum(p => p.numel()));
        Assert.IsFalse(part.GroupOf("krona_B").Decays);

        using var _ = no_grad();
        nn.init.normal_(a);
        nn.init.normal_(b);
        var update = part.Materialize(weight) - weight;
        for (var y = 0; y < 2; y++)
        {
            for (var x = 0; x < 3; x++)
            {
                var product = kron(a, b.select(3, x).select(2, y)).mul(0.5); // (6, 4)
                var expected = layout == KronaLayout.Kron ? product : product.view(3, 2, 4).transpose(0, 1).reshape(6, 4);
                Golden.Close.Assert(expected, update.select(3, x).select(2, y), $"place ({y}, {x})", 1e-5);
            }
        }
    }

    [TestMethod]
    public void A_group_has_the_products_of_its_own_outputs()
    {
        var layer = new Conv1dLayer("conv", 0, randn(6, 2, 3), null, new ConvShape(3, 1, 1, 2));
        var part = Part(new() { A1 = 2, A2 = 1 }, layer);
        CollectionAssert.AreEqual(new long[] { 3, 2, 3 }, part.get_parameter("krona_B")!.shape);
        var error = Assert.ThrowsExactly<PeftException>(() => Part(new() { A1 = 2, A2 = 4 }, layer));
        Assert.AreEqual("a2 is 4 and 'conv' has 2 inputs; it must be one of their divisors 1, 2.", error.Message);
    }

    [TestMethod]
    public void A_training_pass_can_drop_rows_of_the_update_or_all_of_it()
    {
        var layer = new Conv1dLayer("conv", 0, randn(12, 4, 3), null, new ConvShape(3));
        using var training = ForwardContext.TrainingWith(3);
        var rows = Moved(new() { A1 = 4, A2 = 2, RankDropout = 0.5 }).abs().flatten(1).amax([1L]).gt(1e-6).sum().item<long>();
        Assert.IsTrue(rows is > 0 and < 12, $"{rows}");
        Assert.AreEqual(0, Moved(new() { A1 = 4, A2 = 2, ModuleDropout = 0.99 }).count_nonzero().item<long>());

        Tensor Moved(DiffuseKronaOptions options)
        {
            using var _ = no_grad();
            var part = Part(options, layer);
            nn.init.normal_(part.get_parameter("krona_B")!);
            return part.Materialize(layer.FrozenWeight, training) - layer.FrozenWeight;
        }
    }

    [TestMethod]
    public void Patches_of_a_picture_take_it_through_the_model_and_its_file()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "vit", null));
        var options = new DiffuseKronaOptions { TargetModules = TargetModules.Named("projection", "patch_embedding", "query") };
        using var set = Created(options);
        Assert.HasCount(1, set.Adapters.OfType<DiffuseKronaConvolution>());
        using (no_grad())
        {
            foreach (var (parameter, _) in set.TrainedParameters())
            {
                parameter.add_(randn_like(parameter), 0.1);
            }
        }

        var (plain, adapted) = (Logits(), Logits(set));
        Assert.IsFalse(plain.allclose(adapted));
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "vit");
        using var read = Created(AdapterCheckpoint.ReadOptions(folder.Path));
        AdapterCheckpoint.ReadTensors(read, folder.Path);
        Golden.Close.Assert(adapted, Logits(read), "read", 1e-6);
        using (set.Merge())
        {
            Golden.Close.Assert(adapted, Logits(), "merged");
        }

        Assert.IsTrue(plain.bytes.SequenceEqual(Logits().bytes));

        AdapterSet Created(AdapterOptions of) => AdapterSet.Create("default", of, golden.Model.Backbone, new CopiedModules([], []), 0);

        Tensor Logits(params AdapterSet[] with)
        {
            using var _ = no_grad();
            using var context = ForwardContext.Predicting(with);
            return golden.Forward(context).Logits;
        }
    }

    private static DiffuseKronaConvolution Part(DiffuseKronaOptions options, Layer layer)
    {
        using var initialization = new Initialization(3);
        return (DiffuseKronaConvolution)options.CreateParts(new AdapterBuild([layer], initialization)).Single();
    }
}
