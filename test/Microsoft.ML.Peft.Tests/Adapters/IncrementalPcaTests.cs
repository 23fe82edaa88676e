using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Principal components batch by batch.</summary>
[TestClass]
public sealed class IncrementalPcaTests
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
    public void Three_batches_give_what_hugging_face_computes()
    {
        using var pca = new IncrementalPca(3);
        for (var k = 0; k < 3; k++)
        {
            pca.Add(StartInputs.Rows(7, 6, k));
        }

        var components = StartInputs.Values(
            3,
            0.5571268f, 0.0409449f, -0.0295555f, 0.0432454f, -0.0476133f, 0.8263913f,
            -0.1541712f, 0.6940578f, -0.1687851f, 0.6355235f, -0.2487627f, 0.0159227f,
            0.2960748f, 0.6566368f, 0.1378550f, -0.6423933f, -0.0988873f, -0.1992888f);
        Golden.Close.Assert(components, pca.Components!, "components");
        Golden.Close.Assert(tensor([5.4575235f, 4.3247036f, 3.0218937f]), pca.Values!, "values");
        double[] ratios = [0.4004242, 0.2514443, 0.1227686];
        for (var k = 0; k < 3; k++)
        {
            Assert.AreEqual(ratios[k], pca.Ratios[k], 1e-5);
        }
    }

    [TestMethod]
    public void Rows_with_few_directions_are_decomposed_as_if_they_came_at_once()
    {
        var rows = randn(90, 4).mm(randn(4, 12)) + 3; // all but 4 directions are empty, so that nothing is lost between the batches
        using var pca = new IncrementalPca(5);
        double[]? likeness = null;
        foreach (var batch in rows.chunk(3))
        {
            likeness = pca.Add(batch);
        }

        var (_, values, vh) = linalg.svd(rows - rows.mean([0]), fullMatrices: false);
        Golden.Close.Assert(values.narrow(0, 0, 4), pca.Values!.narrow(0, 0, 4), "values");
        Golden.Close.Assert(eye(4), vh.narrow(0, 0, 4).mm(pca.Components!.narrow(0, 0, 4).t()).abs(), "directions", 1e-3);
        Assert.AreEqual(1, pca.Ratios.Sum(), 1e-4);
        Assert.HasCount(5, likeness!);
    }

    [TestMethod]
    public void A_batch_that_comes_again_leaves_the_directions()
    {
        using var pca = new IncrementalPca(3);
        Assert.IsNull(pca.Add(StartInputs.Rows(20, 8, 1)));

        Assert.IsGreaterThan(0.999, pca.Add(StartInputs.Rows(20, 8, 1))!.Min());
        Assert.IsLessThan(0.99, pca.Add(randn(500, 8))!.Min());
    }
}
