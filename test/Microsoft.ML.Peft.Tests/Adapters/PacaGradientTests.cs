using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Native;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What PaCA's backward pass gives and what it keeps.</summary>
[TestClass]
public sealed class PacaGradientTests
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
    [DataRow(false, true, false)]
    [DataRow(true, true, false)]
    [DataRow(true, false, false)]
    [DataRow(false, true, true)]
    [DataRow(true, true, true)]
    [DataRow(true, false, true)]
    public void The_rule_gives_what_autograd_gives_of_the_formula(bool biased, bool trainsBias, bool managed)
    {
        Assert.IsTrue(managed || ColumnProduct.IsAvailable);
        const double Scale = 1.7;
        var (weight, indices) = (randn(4, 6, dtype: ScalarType.Float64), tensor(new[] { 5L, 0, 3 }));
        Tensor[] start = [randn(2, 3, 6, dtype: ScalarType.Float64), randn(4, 3, dtype: ScalarType.Float64), randn(4, dtype: ScalarType.Float64)];
        var cotangent = randn(2, 3, 4, dtype: ScalarType.Float64);
        var rule = Gradients((x, p, b) =>
        {
            var written = weight.index_copy(1, indices, p.detach() * Scale);
            return managed ? WrittenColumns.Managed(x, p, written, indices, Scale, biased ? b : null) : WrittenColumns.Product(x, p, written, indices, Scale, biased ? b : null);
        });
        var formula = Gradients((x, p, b) =>
        {
            var y = nn.functional.linear(x, weight) + nn.functional.linear(x.index_select(-1, indices), (p * Scale) - weight.index_select(1, indices));
            return biased ? y + b : y;
        });

        for (var k = 0; k < 4; k++)
        {
            Assert.AreEqual(formula[k] is null, rule[k] is null, $"{k}");
            Assert.IsTrue(rule[k] is null || rule[k]!.allclose(formula[k]!, 1e-12, 1e-12), $"{k}");
        }

        Assert.AreEqual(biased && trainsBias, rule[3] is not null);
        Assert.IsNull(weight.grad);
        CollectionAssert.AreEqual(new long[] { 4, 3 }, rule[2]!.shape);

        Tensor?[] Gradients(Func<Tensor, Tensor, Tensor, Tensor> output)
        {
            var (x, p, b) = (start[0].clone().requires_grad_(), start[1].clone().requires_grad_(), start[2].clone().requires_grad_(trainsBias));
            var y = output(x, p, b);
            (y * cotangent).sum().backward();
            return [y.detach(), x.grad, p.grad, b.grad];
        }
    }

    [TestMethod]
    public void The_rule_keeps_the_chosen_columns_of_the_input_and_the_weight_itself()
    {
        var (x, weight, indices) = (randn(2, 3, 6), randn(4, 6), tensor(new[] { 1L, 4 }));
        var kept = WrittenColumns.Kept(x, weight, indices);

        Assert.AreSame(weight, kept.Single(t => t.size(-1) == 6)); // no copy
        Assert.AreEqual(2 * 3 * 2 * sizeof(float), kept.Where(t => !ReferenceEquals(t, weight)).Sum(t => t.numel() * t.element_size()));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_weight_that_is_written_between_the_passes_is_refused(bool managed)
    {
        var (x, p, weight, indices) = (randn(3, 6).requires_grad_(), randn(4, 2).requires_grad_(), randn(4, 6), tensor(new[] { 1L, 4 }));
        var y = managed ? WrittenColumns.Managed(x, p, weight, indices, 1, null) : WrittenColumns.Product(x, p, weight, indices, 1, null);
        weight.index_copy_(1, indices, zeros(4, 2));
        StringAssert.Contains(Assert.Throws<Exception>(() => y.sum().backward()).Message, "modified by an inplace operation");
    }

    [TestMethod]
    public void The_backward_pass_keeps_nothing_of_the_input_but_the_chosen_columns()
    {
        foreach (var written in (bool[])[false, true])
        {
            var (expected, actual) = (Gradients(false), Gradients(true));
            Golden.Close.Assert(expected.Input, actual.Input, "input");
            Golden.Close.Assert(expected.Columns, actual.Columns, "columns");

            (Tensor Input, Tensor Columns) Gradients(bool overwritten)
            {
                random.manual_seed(7);
                var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 3, Alpha = 6 }, Layer()).Single();
                if (written)
                {
                    adapter.Begin();
                }

                var x = randn(2, 3, 6).requires_grad_();
                var given = x * 1; // a tensor that is no leaf
                var y = adapter.call(given);
                if (overwritten)
                {
                    using var _ = no_grad();
                    given.fill_(double.NaN); // whoever has kept it fails or gives NaN
                }

                (y * randn(2, 3, 4)).sum().backward();
                return (x.grad!, adapter.get_parameter("paca_P")!.grad!);
            }
        }
    }

    private static LinearLayer Layer() => new("block.0.query", 0, new DenseWeight(randn(4, 6)), randn(4));
}
