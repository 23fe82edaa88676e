using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Layers;

/// <summary>T5's classes of distances.</summary>
[TestClass]
public sealed class RelativeBiasTests
{
    [TestMethod]
    [DataRow(32, 128, true)]
    [DataRow(32, 128, false)]
    [DataRow(16, 64, true)]
    [DataRow(32, 256, false)]
    public void Classes_are_those_of_tensor_arithmetic(int classes, int maxDistance, bool bothWays)
    {
        using var scope = NewDisposeScope();
        var distance = arange(-300, 301, ScalarType.Int64);
        var (half, start) = bothWays ? (classes / 2, distance.gt(0).to(ScalarType.Int64) * (classes / 2)) : (classes, distance * 0);
        var far = bothWays ? distance.abs() : (-distance).clamp(0);
        var exact = half / 2;
        var wide = (far.clamp(1).to(ScalarType.Float32) / exact).log() / Math.Log((double)maxDistance / exact) * (half - exact);
        var expected = start + where(far.lt(exact), far, (wide.to(ScalarType.Int64) + exact).clamp(max: half - 1));

        var actual = Enumerable.Range(-300, 601).Select(d => RelativeBias.Class(d, classes, maxDistance, bothWays)).ToArray();

        CollectionAssert.AreEqual(expected.data<long>().ToArray(), actual);
    }

    [TestMethod]
    public void A_bias_is_the_class_of_key_less_query()
    {
        using var scope = NewDisposeScope();
        var table = new EmbeddingLayer("bias", 0, arange(32 * 2, ScalarType.Float32).view(32, 2));
        var bias = new RelativeBias(table, 128, bothWays: true);

        var late = bias.Of(first: 20, queries: 3, keys: 23, ForwardContext.Predicting());

        CollectionAssert.AreEqual((long[])[1, 2, 3, 23], late.shape);
        for (var query = 0; query < 3; query++)
        {
            for (var key = 0; key < 23; key++)
            {
                Assert.AreEqual((2 * RelativeBias.Class(key - 20 - query, 32, 128, true)) + 1, late[0, 1, query, key].item<float>());
            }
        }
    }
}
