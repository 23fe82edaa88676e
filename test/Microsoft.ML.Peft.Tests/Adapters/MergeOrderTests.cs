using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Several adapters merged into one base.</summary>
[TestClass]
public sealed class MergeOrderTests : GoldenMethodTests
{
    [TestMethod]
    public void Adapters_that_are_merged_one_after_the_other_read_the_weight_before_both()
    {
        var (layer, options) = (new LinearLayer("query", 0, new DenseWeight(randn(4, 6)), null), new PeanutOptions { Rank = 3, Depth = 1 });
        var sets = Enumerable.Range(0, 2).Select(k =>
        {
            var part = MethodCase.Parts(options, layer).Single();
            using var _ = no_grad();
            foreach (var parameter in part.parameters())
            {
                nn.init.normal_(parameter);
            }

            return AdapterSet.Of($"{k}", options, [part], 1);
        }).ToArray();
        var weight = layer.Weight.Dense().clone();
        var sum = weight + ((Peanut)sets[0].Adapters[0]).Delta() + ((Peanut)sets[1].Adapters[0]).Delta();

        using (var first = sets[0].Merge())
        {
            using (sets[1].Merge())
            {
                Golden.Close.Assert(sum, layer.Weight.Dense(), "both");
                StringAssert.Contains(Assert.ThrowsExactly<PeftException>(first.Dispose).Message, "undo that merge first");
                using (sets[1].Merge())
                {
                    Golden.Close.Assert(sum, layer.Weight.Dense(), "again is no more");
                }

                Golden.Close.Assert(sum, layer.Weight.Dense(), "and undoes nothing");
                Assert.IsTrue(sets[1].IsMerged);
            }

            Assert.IsFalse(sets[1].IsMerged);
        }

        Assert.IsTrue(weight.bytes.SequenceEqual(layer.Weight.Dense().bytes));
    }
}
