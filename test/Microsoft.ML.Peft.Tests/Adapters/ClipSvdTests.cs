using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public class ClipSvdTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new ClipSvdOptions { Factored = Factored };

    protected virtual bool? Factored => null;

    protected override long TrainedNumbers(long inputs, long outputs) => 4;

    [TestMethod]
    [DataRow(64, 64)]
    [DataRow(64, 192)]
    [DataRow(192, 64)]
    public void Factors_are_orthonormal_give_the_weight_and_have_settled_signs(int inputs, int outputs)
    {
        var weight = Layer(inputs, outputs).Weight.Dense();
        var (u, s, v) = ClipSvd.Factor(weight);

        Assert.IsLessThan(1e-9, ((u * s).mm(v) - weight).abs().max().item<double>());
        Assert.IsLessThan(1e-9, (u.t().mm(u) - eye(64)).abs().max().item<double>());
        Assert.IsLessThan(1e-9, (v.mm(v.t()) - eye(64)).abs().max().item<double>());
        Assert.IsTrue(u.gather(0, u.abs().argmax(0, keepdim: true)).gt(0).all().item<bool>());
        var turned = ClipSvd.Factor(weight.neg()); // the same vectors but for the sign, which is on the rows of V alone
        Assert.IsTrue(turned.U.allclose(u, 1e-8, 1e-8) && turned.V.allclose(v.neg(), 1e-8, 1e-8));
        Assert.IsLessThan(1e-4, ((ClipSvd)MethodCase.Parts(new ClipSvdOptions { Precision = ClipSvdPrecision.Float32 }, Layer(inputs, outputs)).Single()).Weight().sub(weight).abs().max().item<float>());
    }

    [TestMethod]
    public void The_gradient_of_a_singular_value_is_that_of_the_formula_and_of_a_difference()
    {
        var (layer, x, cotangent) = (Layer(), Input(), randn(2, 3, 4));
        var adapter = (ClipSvd)Wrap(layer);
        Randomize(adapter);
        (adapter.call(x) * cotangent).sum().backward();
        var (s, u, v) = (Parameter(adapter, "vector_S"), Parameter(adapter, "factor_U").clone(), Parameter(adapter, "factor_V").clone());
        var gradient = s.grad!;

        var outer = cotangent.reshape(6, 4).t().mm(x.reshape(6, 6)); // G (out, in)
        AssertClose(u.t().mm(outer).mm(v.t()).diagonal(), gradient);
        using var _ = no_grad();
        for (var k = 0; k < 4; k++)
        {
            var middle = Loss();
            s[k] = s[k] + 1; // y is linear in s
            Assert.AreEqual(gradient[k].item<float>(), Loss() - middle, 1e-3);
        }

        AssertClose(s.abs().sort(descending: true).Values, linalg.svdvals(adapter.Materialize(layer.Weight.Dense())));

        float Loss() => (adapter.call(x) * cotangent).sum().item<float>();
    }

    [TestMethod]
    public void Values_are_cut_to_a_multiple_and_a_decay_toward_the_start_trains_the_difference()
    {
        Assert.AreEqual(768, new ClipSvdOptions().RankOf(3072, 768));
        Assert.AreEqual(4, new ClipSvdOptions().RankOf(7, 19));
        Assert.AreEqual(7, new ClipSvdOptions { RankBase = 1 }.RankOf(7, 19));
        Assert.AreEqual(4, new ClipSvdOptions { RankRatio = 0.6 }.RankOf(14, 9));
        Assert.AreEqual(1, new ClipSvdOptions { RankRatio = 0.1 }.RankOf(14, 9));
        var layer = Layer(7, 19);
        var x = randn(5, 7);
        Assert.IsFalse(Base(layer, x).allclose(((ClipSvd)MethodCase.Parts(new ClipSvdOptions(), layer).Single()).call(x))); // truncated
        var whole = (ClipSvd)MethodCase.Parts(new ClipSvdOptions { RankBase = 1, DecaysTowardStart = true }, layer).Single();
        AssertClose(Base(layer, x), whole.call(x));
        Assert.AreEqual(0, Parameter(whole, "delta_S").abs().max().item<float>());
        AssertClose(whole.Spectrum(), Parameter(whole, "start_S"));
        Assert.IsFalse(Parameter(whole, "start_S").requires_grad);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Attention_split_into_its_projections_is_the_fused_one(bool causal)
    {
        const int Width = 16, Heads = 4, Size = 4, Length = 5, Batch = 2;
        var (all, allBias, output, outputBias, x) = (randn(3 * Width, Width) * 0.3, randn(3 * Width), randn(Width, Width), randn(Width), randn(Batch * Length, Width));
        var parts = nn.functional.linear(x, all, allBias).view(Batch, Length, 3, Heads, Size).permute(2, 0, 3, 1, 4); // query, key, value (batch, heads, length, size)
        var scores = parts[0].matmul(parts[1].transpose(2, 3)).div(Math.Sqrt(Size));
        scores = causal ? scores.masked_fill(ones(Length, Length).triu(1).gt(0), float.NegativeInfinity) : scores;
        var expected = nn.functional.linear(scores.softmax(-1).matmul(parts[2]).transpose(1, 2).reshape(Batch * Length, Width), output, outputBias);

        Tensor Split(string name, Tensor input, Tensor weight, Tensor bias)
            => ((ClipSvd)MethodCase.Parts(Options, new LinearLayer(name, 0, new DenseWeight(weight.clone()), bias.clone())).Single()).call(input);
        Tensor Projected(int k) => Split("qkv"[k] + "_proj", x, all.narrow(0, k * Width, Width), allBias.narrow(0, k * Width, Width));
        using var context = ForwardContext.Predicting();
        var mask = causal ? Attention.CausalMask(null, Batch, Length, Heads, CPU) : null;
        var attended = Attention.Forward(Projected(0), Projected(1), Projected(2), new AttentionShape(Batch, Length, Length, Heads, Size), mask, 0, context);

        AssertClose(expected, Split("out_proj", attended, output, outputBias));
    }
}

[TestClass]
public sealed class ClipSvdFactoredTests : ClipSvdTests
{
    protected override bool? Factored => true;
}

[TestClass]
public sealed class ClipSvdWholeTests : ClipSvdTests
{
    protected override bool? Factored => false;
}
