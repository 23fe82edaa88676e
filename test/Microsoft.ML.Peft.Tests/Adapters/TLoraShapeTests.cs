using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>TLoRA's shapes: the factors of the sides of layers.</summary>
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
    public void Shapes_that_do_not_fit_are_refused_and_prime_sides_noted()
    {
        LinearWeight[] weights = [new("x", randn(4, 6), null)];
        var error = Assert.ThrowsExactly<PeftException>(() => AdapterSet.ForWeights(new TLoraOptions { InShape = [2, 2] }, weights, 0));
        StringAssert.StartsWith(error.Message, "InShape is (2, 2) and 'x' has a side of 6");
        error = Assert.ThrowsExactly<PeftException>(() => AdapterSet.ForWeights(new TLoraOptions { Residual = TLoraResidual.Trm, InShape = [2, 3] }, weights, 0));
        StringAssert.Contains(error.Message, "as many factors in both");
        Assert.ThrowsExactly<ArgumentException>(() => new TLoraOptions { InShape = [] }.Validate());
        using var set = AdapterSet.ForWeights(new TLoraOptions(), [new("prime", randn(4, 13), null), new("other", randn(4, 12), null)], 0);
        Assert.AreEqual("prime", new TLoraOptions().NotesOn(set.Adapters).Single().Split('\'')[1]);
    }
}
