using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>TLoRA on convolutions: every transform and every residual.</summary>
[TestClass]
public sealed class TLoraConvolutionTests
{
    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Forms
        => from groups in (int[])[1, 2] from rank in Enumerable.Range(0, 4) from residual in Enum.GetValues<TLoraResidual>() select new object[] { groups, rank, residual };

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DynamicData(nameof(Forms))]
    public void A_convolution_with_changed_kernels_is_one_of_transformed_patches(int groups, int transformRank, TLoraResidual residualForm)
    {
        var weight = randn(6, 4 / groups, 3);
        var layer = new Conv1dLayer("conv", 0, weight, randn(6), new ConvShape(3, 2, 1, groups));
        var options = new TLoraOptions { TransformRank = transformRank, Rank = 2, Residual = residualForm, TargetModules = TargetModules.Named("conv") };
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

        using var context = ForwardContext.Predicting();

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
        using var set = AdapterSet.Of("x", options, [part], 1);
        using var adapted = ForwardContext.Predicting(set);
        Golden.Close.Assert(expected.detach(), layer.Forward(x, adapted).detach(), "adapted", 1e-5);
        using (new MergedWeights([part]))
        {
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

    // One input that is not 0: what the residual adds to a row is all of it, doubled, or nothing; the transform drops nothing.
    [TestMethod]
    public void Only_the_residual_drops_inputs()
    {
        var layer = new Conv1dLayer("conv", 0, randn(6, 4, 3), randn(6), new ConvShape(3, 1, 1));
        var options = new TLoraOptions { Rank = 2, Residual = TLoraResidual.Tr, Dropout = 0.5, TargetModules = TargetModules.Named("conv") };
        using var initialization = new Initialization(0);
        var part = (TLoraConvolution)options.CreateParts(new AdapterBuild([layer], initialization)).Single();
        using var set = AdapterSet.Of("x", options, [part], 1);
        using var _ = no_grad();
        foreach (var parameter in part.parameters())
        {
            nn.init.normal_(parameter);
        }

        var x = zeros(40, 4, 5);
        x.select(1, 2).select(1, 2).fill_(3);
        using var predicting = ForwardContext.Predicting(set);
        using var training = ForwardContext.TrainingWith(5, set);
        var transformed = nn.functional.conv1d(x, part.Factors.Transformed(layer.FrozenWeight.flatten(1)).view(6, 4, 3), layer.FrozenBias, 1, 1);
        var whole = layer.Forward(x, predicting) - transformed;
        var added = layer.Forward(x, training) - transformed;
        var kept = added.abs().flatten(1).amax([1L]).gt(1e-4);
        Golden.Close.Assert(where(kept.view(40, 1, 1), whole * 2, zeros_like(whole)), added, "residual", 1e-5);
        Assert.IsTrue(kept.sum().item<long>() is > 5 and < 35);
    }
}
