using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>TLoRA's shapes, and TLoRA on convolutions.</summary>
[TestClass]
public sealed class TLoraShapeTests
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
    [DataRow(320, "4,8,10")]
    [DataRow(640, "8,8,10")]
    [DataRow(768, "8,8,12")]
    [DataRow(1280, "8,10,16")]
    [DataRow(2048, "8,16,16")]
    [DataRow(12, "2,2,3")]
    [DataRow(13, "1,1,13")]
    [DataRow(1, "1,1,1")]
    public void A_side_has_the_authors_factors(int size, string factors) => Assert.AreEqual(factors, string.Join(',', TLoraShape.Of(size, 3)));

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void A_convolution_with_changed_kernels_is_one_of_transformed_patches(int groups)
    {
        var weight = randn(6, 4 / groups, 3);
        var layer = new Conv1dLayer("conv", 0, weight, randn(6), new ConvShape(3, 2, 1, groups));
        var options = new TLoraOptions { TransformRank = 2, Rank = 2, Residual = TLoraResidual.Trm, TargetModules = TargetModules.Named("conv") };
        using var initialization = new Initialization(0);
        var part = (TLoraConvolution)options.CreateParts(new AdapterBuild([layer], initialization)).Single();
        Golden.Close.Assert(weight, part.Materialize(weight).detach(), "start", 1e-6);
        CollectionAssert.AreEqual(new long[] { groups == 1 ? 2 : 1, 2, 3 }, part.Factors.InShape); // channels, channels, places
        using (no_grad())
        {
            foreach (var parameter in part.parameters())
            {
                nn.init.normal_(parameter);
            }
        }

        // Each group: patches (in/g·k) of every place, transformed, times the base kernels, and times the residual.
        var x = randn(2, 4, 9);
        var residual = part.Factors.Residual();
        var expected = cat([.. Enumerable.Range(0, groups).Select(g =>
        {
            var (perGroup, rows) = (4 / groups, 6 / groups);
            var patches = nn.functional.pad(x.narrow(1, g * perGroup, perGroup), (1, 1)).unfold(2, 3, 2).permute(0, 2, 1, 3).flatten(2); // (2, 5, in/g·3)
            return (part.Factors.TransformOf(patches).matmul(weight.narrow(0, g * rows, rows).flatten(1).t())
                + patches.matmul(residual.narrow(0, g * rows, rows).t())).transpose(1, 2);
        })], 1) + layer.FrozenBias!.unsqueeze(1);
        using (new MergedWeights([part]))
        {
            using var context = ForwardContext.Predicting();
            Golden.Close.Assert(expected.detach(), layer.Forward(x, context).detach(), "merged", 1e-5);
        }
    }

    [TestMethod]
    public void Patches_of_a_picture_take_it_through_the_model()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "vit", null));
        var options = new TLoraOptions { Residual = TLoraResidual.Tr, Rank = 2, TargetModules = TargetModules.Named("projection", "patch_embedding", "query") };
        using var set = AdapterSet.Create("default", options, golden.Model.Backbone, new CopiedModules([], []), 0);
        Assert.HasCount(1, set.Adapters.OfType<TLoraConvolution>());
        using var with = ForwardContext.Predicting(set);
        using var without = ForwardContext.Predicting();
        var plain = golden.Forward(without).Logits;
        Golden.Close.Assert(plain.detach(), golden.Forward(with).Logits.detach(), "start", 1e-5);
        using (no_grad())
        {
            foreach (var (parameter, _) in set.TrainedParameters())
            {
                parameter.add_(randn_like(parameter), 0.1);
            }
        }

        var adapted = golden.Forward(with).Logits;
        Assert.IsFalse(plain.allclose(adapted));
        using var merged = set.Merge();
        Golden.Close.Assert(adapted.detach(), golden.Forward(without).Logits.detach(), "merged");
    }

    [TestMethod]
    public void Shapes_that_do_not_fit_are_refused_and_prime_sides_noted()
    {
        LinearWeight[] weights = [new("x", randn(4, 6), null)];
        var error = Assert.ThrowsExactly<PeftException>(() => AdapterSet.ForWeights(new TLoraOptions { InShape = [2, 2] }, weights, 0));
        StringAssert.StartsWith(error.Message, "InShape is (2, 2) and 'x' has a side of 6");
        error = Assert.ThrowsExactly<PeftException>(() => AdapterSet.ForWeights(new TLoraOptions { Residual = TLoraResidual.Trm, InShape = [2, 3] }, weights, 0));
        StringAssert.Contains(error.Message, "as many factors in both");
        Assert.ThrowsExactly<ArgumentException>(() => new TLoraOptions { InShape = [] }.Validate());
        using var initialization = new Initialization(0);
        var conv = new Conv1dLayer("conv", 0, randn(6, 4, 3), null, new ConvShape(3));
        Assert.ThrowsExactly<PeftException>(() => new TLoraOptions { Dropout = 0.1 }.CreateParts(new AdapterBuild([conv], initialization)).ToList());
        using var set = AdapterSet.ForWeights(new TLoraOptions(), [new("prime", randn(4, 13), null), new("other", randn(4, 12), null)], 0);
        Assert.AreEqual("prime", new TLoraOptions().NotesOn(set.Adapters).Single().Split('\'')[1]);
    }
}
