using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class TLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new TLoraOptions { Rank = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => (1 + 4 + 9) + (2 * (inputs + outputs)); // 6 = 1·2·3

    public static IEnumerable<object[]> Forms
        => from rank in Enumerable.Range(0, 4) from residual in Enum.GetValues<TLoraResidual>() select new object[] { rank, residual };

    [TestMethod]
    [DynamicData(nameof(Forms))]
    public void Every_form_starts_as_the_base_and_is_the_transform_and_the_residual_of_the_paper(int rank, TLoraResidual residual)
    {
        var layer = Layer();
        foreach (var isDense in (bool[])[false, true])
        {
            var options = new TLoraOptions { TransformRank = rank, Rank = 2, Residual = residual, Alpha = 3, RankStabilized = false, InShape = [3, 2], OutShape = [2, 2], DenseTransform = isDense };
            var adapter = (TLora)MethodCase.Parts(options, layer).Single();
            var x = Input();
            AssertClose(Base(layer, x), adapter.call(x));

            Randomize(adapter);
            var named = adapter.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
            var transform = rank == 0 ? eye(6) : Filled(6, 6, (i, j) => Trace(At(named["transform_1"], i / 2, j / 2), At(named["transform_2"], i % 2, j % 2)));
            var delta = residual switch
            {
                TLoraResidual.Lora => named["lora_B"].mm(named["lora_A"]),
                TLoraResidual.Tr => Filled(4, 6, (j, i) => Trace(named["out_core_1"][j / 2], named["out_core_2"][j % 2], named["in_core_1"][i / 2], named["in_core_2"][i % 2])),
                _ => Filled(4, 6, (j, i) => Trace(At(named["core_1"], j / 2, i / 2), At(named["core_2"], j % 2, i % 2))),
            };
            var weight = layer.Weight.Dense().mm(transform) + delta.mul(1.5);
            Golden.Close.Assert(weight.detach(), adapter.Materialize(layer.Weight.Dense()).detach(), "weight", 1e-5);
            Golden.Close.Assert(nn.functional.linear(x, weight, layer.Bias).detach(), adapter.call(x).detach(), "output", 1e-5);
        }

        static Tensor At(Tensor core, long i, long j) => core.dim() == 2 ? core[i, j].view(1, 1) : core[i, j];

        static float Trace(params Tensor[] factors) => factors.Aggregate((a, b) => a.mm(b)).trace().item<float>();

        static Tensor Filled(int rows, int columns, Func<long, long, float> value)
            => tensor(Enumerable.Range(0, rows * columns).Select(k => value(k / columns, k % columns)).ToArray()).view(rows, columns);
    }

    [TestMethod]
    public void Slices_of_a_ring_learn_the_same_unless_they_start_apart()
    {
        foreach (var jitter in (double[])[0, 1e-3])
        {
            var adapter = (TLora)MethodCase.Parts(new TLoraOptions { TransformRank = 2, Residual = TLoraResidual.Tr, Rank = 2, RingInitJitter = jitter }, Layer()).Single();
            var (x, target, core) = (randn(8, 6), randn(8, 4), Parameter(adapter, "transform_3"));
            using var optimizer = optim.Adam(adapter.parameters().ToArray(), lr: 0.01);
            for (var step = 0; step < 10; step++)
            {
                optimizer.zero_grad();
                (adapter.call(x) - target).square().mean().backward();
                if (step == 0)
                {
                    foreach (var (name, parameter) in adapter.named_parameters())
                    {
                        var moves = name == "out_core_1" || name.StartsWith("transform", StringComparison.Ordinal); // the others wait for out_core_1
                        Assert.AreEqual(moves, parameter.grad!.abs().max().item<float>() > 0, name);
                    }
                }

                optimizer.step();
            }

            var spread = (core - core.narrow(2, 0, 1).narrow(3, 0, 1)).abs().max().item<float>();
            Assert.AreEqual(jitter > 0, spread > 1e-5, $"spread {spread}");
        }
    }

    [TestMethod]
    public void Penalties_are_zero_at_the_start_and_that_of_rotations_on_rotations()
    {
        using var set = AdapterSet.ForWeights(
            new TLoraOptions { TransformRank = 1, IdentityWeight = 0.5, OrthogonalWeight = 0.25 }, [new LinearWeight("x", randn(4, 6), null)], 0);
        var factors = ((TLora)set.Adapters.Single()).Factors;
        Assert.AreEqual(0, set.Penalty()!.item<float>());
        set.Penalty()!.backward();
        Assert.IsTrue(set.Parameters().All(p => p.Parameter.grad?.isfinite().all().item<bool>() ?? true));
        using var _ = no_grad();
        set.Parameters().Single(p => p.FileName.EndsWith("transform_2", StringComparison.Ordinal)).Parameter.copy_(tensor([0.6f, -0.8f, 0.8f, 0.6f]).view(2, 2));
        Assert.AreEqual(0, factors.OrthogonalPenalty().item<float>(), 1e-6);
        Assert.AreEqual(Math.Sqrt((2 * 0.16) + (2 * 0.64)), factors.IdentityPenalty().item<float>(), 1e-6);
        Assert.AreEqual(0.5 * Math.Sqrt(1.6), set.Penalty()!.item<float>(), 1e-6);
        var ring = (TLora)MethodCase.Parts(new TLoraOptions { TransformRank = 2 }, Layer()).Single();
        Assert.AreEqual(0, ring.Factors.OrthogonalPenalty().item<float>(), 1e-6);
        Assert.AreEqual(0, ring.Factors.IdentityPenalty().item<float>(), 1e-6);
    }
}
