using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What a mask of heads writes down, in 64 bits, where differences are exact enough.</summary>
[TestClass]
public sealed class HeadMaskTests
{
    private const int Heads = 3;
    private const int Size = 4;

    // Two layers of attention over 2 rows of 5 tokens.
    [TestMethod]
    public void It_is_the_slope_of_the_loss_by_the_mask_to_a_thousandth()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var (input, target) = (Random(10, Heads * Size), Random(10, Heads * Size));
        var weights = Enumerable.Range(0, 2).Select(_ => (Query: Matrix(), Key: Matrix(), Value: Matrix())).ToArray();
        var masks = Enumerable.Range(0, 2).Select(k =>
        {
            var layer = new LinearLayer($"o{k}", k, new DenseWeight(Matrix()), null);
            return new HeadMask(layer, HeadMap.Of(layer, layer, layer, layer, Heads, Size), k, applies: true);
        }).ToArray();
        Array.ForEach(masks, mask => mask.Records = true);
        Loss(ones(2, Heads, ScalarType.Float64)).backward();
        var contributions = masks.Select(mask => mask.TakeContribution()).ToArray();
        Array.ForEach(masks, mask => mask.Records = false);

        var open = ones(2, Heads, ScalarType.Float64).requires_grad_(true);
        Loss(open).backward();
        using var _ = no_grad();
        for (var k = 0; k < 2; k++)
        {
            for (var h = 0; h < Heads; h++)
            {
                var (score, step) = (contributions[k].Sum[h].item<float>(), 1e-4);
                Assert.AreEqual(open.grad![k, h].item<double>(), score, 1e-5 * Math.Abs(score), $"gradient, {k}, {h}");
                Assert.AreEqual((Loss(Moved(step)) - Loss(Moved(-step))).item<double>() / (2 * step), score, 1e-3 * Math.Abs(score), $"difference, {k}, {h}");
                Assert.IsGreaterThanOrEqualTo(Math.Abs(score), contributions[k].Size[h].item<float>());

                Tensor Moved(double by)
                {
                    var moved = ones(2, Heads, ScalarType.Float64);
                    moved[k, h] = 1 + by;
                    return moved;
                }
            }
        }

        Tensor Loss(Tensor speaking)
        {
            using var context = ForwardContext.Predicting();
            var x = input;
            for (var k = 0; k < masks.Length; k++)
            {
                var heads = Attention.Forward(x.mm(weights[k].Query), x.mm(weights[k].Key), x.mm(weights[k].Value), new AttentionShape(2, 5, 5, Heads, Size), null, 0, context);
                x = x + masks[k].call(heads * speaking[k].repeat_interleave(Size));
            }

            return (x - target).square().mean();
        }

        static Tensor Matrix() => Random(Heads * Size, Heads * Size) * 0.4;

        static Tensor Random(params long[] shape) => randn(shape, ScalarType.Float64);
    }
}
