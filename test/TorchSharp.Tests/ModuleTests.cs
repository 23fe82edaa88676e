using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Tests;

[TestClass]
public sealed class ModuleTests : LeakCheckedTests
{
    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly Linear query;
        private readonly LayerNorm norm;

        public Block() : base(nameof(Block))
        {
            query = Linear(4, 4);
            norm = LayerNorm(4);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => norm.call(query.call(input));
    }

    private sealed class Model : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Block> layers = ModuleList(new Block(), new Block());
        [ComponentName(Name = "head")]
        private readonly Linear classifier = Linear(4, 2);
        private readonly Parameter scale = new Parameter(ones(1)).DetachFromDisposeScope() as Parameter ?? throw new InvalidOperationException();
        private readonly Tensor position = arange(4).DetachFromDisposeScope();

        public Model() : base(nameof(Model)) => RegisterComponents();

        public override Tensor forward(Tensor input) => classifier.call(layers.Aggregate(input, (x, l) => l.call(x))) * scale;
    }

    [TestMethod]
    public void NamesFollowTheFields()
    {
        using var model = new Model();
        CollectionAssert.AreEqual(new[]
        {
            "scale", "layers.0.query.weight", "layers.0.query.bias", "layers.0.norm.weight", "layers.0.norm.bias",
            "layers.1.query.weight", "layers.1.query.bias", "layers.1.norm.weight", "layers.1.norm.bias", "head.weight", "head.bias",
        }, model.named_parameters().Select(p => p.name).ToArray());
        Assert.IsTrue(model.state_dict().ContainsKey("position"));
        CollectionAssert.Contains(model.named_modules().Select(m => m.name).ToArray(), "layers.1.norm");
        Assert.IsNotNull(model.get_parameter("layers.1.query.bias"));
        Assert.IsFalse(model.has_parameter("layers.2.query.bias"));
    }

    [TestMethod]
    public void StateDictsMove()
    {
        using var a = new Model();
        using var b = new Model();
        b.load_state_dict(a.state_dict());
        foreach (var (name, value) in a.state_dict()) Assert.IsTrue(value.Equals(b.state_dict()[name]), name);
        var wrong = new Dictionary<string, Tensor>(a.state_dict()) { ["scale"] = ones(2) };
        var e = Assert.ThrowsExactly<InvalidOperationException>(() => b.load_state_dict(wrong));
        StringAssert.Contains(e.Message, "scale");
        wrong.Remove("scale");
        Assert.ThrowsExactly<InvalidOperationException>(() => b.load_state_dict(wrong));
        var (missing, unexpected) = b.load_state_dict(wrong, strict: false);
        CollectionAssert.AreEqual(new[] { "scale" }, missing.ToArray());
        Assert.AreEqual(0, unexpected.Count);
    }

    [TestMethod]
    public void FilesGoRoundTrip()
    {
        using var a = new Model();
        using var b = new Model();
        var path = Path.GetTempFileName();
        try
        {
            a.save(path);
            b.load(path);
            foreach (var (name, value) in a.state_dict()) Assert.IsTrue(value.Equals(b.state_dict()[name]), name);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void ToReplacesParametersEverywhere()
    {
        using var model = new Model();
        model.to(ScalarType.Float64);
        Assert.IsTrue(model.parameters().All(p => p.dtype == ScalarType.Float64 && p.requires_grad));
        Assert.AreEqual(ScalarType.Int64, model.get_buffer("position")!.dtype);
        Assert.AreEqual(ScalarType.Float64, model.call(ones(2, 4, ScalarType.Float64)).dtype);
        using var norm = BatchNorm2d(3).to(ScalarType.Float64);
        Assert.AreEqual(ScalarType.Float64, norm.running_mean!.dtype);
        Assert.AreEqual(ScalarType.Int64, norm.num_batches_tracked!.dtype);
        Assert.AreEqual(ScalarType.Float64, norm.call(ones(2, 3, 4, 4, ScalarType.Float64)).dtype);
    }

    [TestMethod]
    public void HooksRunThroughCall()
    {
        using var linear = Linear(2, 2);
        var seen = new List<string>();
        var before = linear.register_forward_pre_hook((_, x) => { seen.Add("before"); return x * 2; });
        var after = linear.register_forward_hook((_, _, y) => { seen.Add("after"); return y + 1; });
        var x = ones(1, 2);
        var expected = linear.forward(x * 2) + 1;
        AreClose(expected.detach().data<float>().ToArray(), linear.call(x));
        CollectionAssert.AreEqual(new[] { "before", "after" }, seen);
        before.remove();
        after.remove();
        AreClose(linear.forward(x).detach().data<float>().ToArray(), linear.call(x));
    }

    [TestMethod]
    public void TrainAndEvalReachChildren()
    {
        using var s = Sequential(("fc", Linear(4, 4)), ("drop", Dropout(0.5)));
        s.eval();
        var x = ones(2, 4);
        Assert.IsTrue(s.call(x).Equals(s.call(x)));
        Assert.IsFalse(x.IsInvalid);
        s.train();
        manual_seed(3);
        Assert.IsTrue((s.call(ones(64, 4)) == 0).any().ToBoolean());
        CollectionAssert.AreEqual(new[] { "fc.weight", "fc.bias" }, s.named_parameters().Select(p => p.name).ToArray());
    }

    [TestMethod]
    public void AssigningAWeightReplacesIt()
    {
        using var linear = Linear(3, 2);
        var old = linear.weight;
        linear.weight = Parameter(zeros(2, 3));
        Assert.IsTrue(old.IsInvalid);
        AreClose([0, 0, 0, 0, 0, 0], linear.state_dict()["weight"]);
        linear.bias = null;
        Assert.IsFalse(linear.state_dict().ContainsKey("bias"));
        AreClose([0, 0], linear.call(ones(1, 3)));
    }

    [TestMethod]
    public void AParameterTakesTheTensorOver()
    {
        var t = ones(2);
        var p = new Parameter(t);
        Assert.IsTrue(t.IsInvalid);
        Assert.IsTrue(p.requires_grad && p.is_leaf);
    }

    [TestMethod]
    public void RegisteringTwiceIsRefused()
    {
        using var model = new Model();
        using var other = Linear(1, 1);
        Assert.ThrowsExactly<InvalidOperationException>(() => model.add_module("head", other));
        using var removed = model.named_children().Single(c => c.name == "head").module;
        model.register_module("head", null!);
        Assert.IsFalse(model.state_dict().ContainsKey("head.weight"));
    }

    [TestMethod]
    public void BatchNormLearnsItsStatistics()
    {
        using var norm = BatchNorm1d(1);
        norm.call(tensor(new float[] { 0, 2, 4, 6 }, [4, 1]));
        AreClose([0.3f], norm.running_mean!);
        AreClose([0.9f + 0.1f * 20 / 3], norm.running_var!);
        Assert.AreEqual(1, norm.num_batches_tracked!.item<long>());
    }

    [TestMethod]
    public void ConvolutionByHand()
    {
        using var conv = Conv2d(1, 1, 2, bias: false);
        conv.weight = Parameter(tensor(new float[] { 1, 0, 0, 1 }, [1, 1, 2, 2]));
        AreClose([4 + 0, 1 + 5, 3 + 7, 4 + 8], conv.call(arange(9, ScalarType.Float32).reshape(1, 1, 3, 3)));
        using var same = Conv1d(2, 3, 3, Padding.Same);
        CollectionAssert.AreEqual(new long[] { 1, 3, 9 }, same.call(ones(1, 2, 9)).shape);
        using var up = ConvTranspose2d(2, 3, 2, stride: 2);
        CollectionAssert.AreEqual(new long[] { 1, 3, 8, 8 }, up.call(ones(1, 2, 4, 4)).shape);
    }

    [TestMethod]
    public void SmallModulesDoWhatTheirFunctionsDo()
    {
        var image = randn(2, 3, 8, 8);
        Assert.IsTrue(MaxPool2d(2).call(image).Equals(functional.max_pool2d(image, 2)));
        Assert.IsTrue(AvgPool2d(2, stride: 1).call(image).Equals(functional.avg_pool2d(image, 2, 1)));
        CollectionAssert.AreEqual(new long[] { 2, 3, 1, 1 }, AdaptiveAvgPool2d(1).call(image).shape);
        CollectionAssert.AreEqual(new long[] { 2, 192 }, Flatten().call(image).shape);
        var x = tensor(new float[] { -2, 3 });
        using var prelu = PReLU(1);
        AreClose([-0.5f, 3], prelu.call(x));
        AreClose([-0.02f, 3], LeakyReLU().call(x));
        AreClose([0, 3], ReLU().call(x));
        AreClose([9.2249f], MSELoss().call(x, tensor(new float[] { -1, -1.1773f })), 1e-3);
        AreClose([0.3132617f], CrossEntropyLoss().call(tensor(new float[] { 1, 0 }, [1, 2]), tensor(new long[] { 0 })));
    }

    [TestMethod]
    public void InitialisationHasTheRightSpread()
    {
        manual_seed(5);
        using var linear = Linear(400, 300);
        Assert.AreEqual(1 / Math.Sqrt(400) / Math.Sqrt(3), linear.weight.std().ToDouble(), 1e-3);
        var q = init.orthogonal_(empty(20, 20));
        Assert.IsTrue(q.mm(q.t()).allclose(eye(20), atol: 1e-5));
        Assert.AreEqual(0.02, init.trunc_normal_(empty(10000), 0, 0.02, -0.04, 0.04).std().ToDouble(), 0.004);
        Assert.AreEqual(Math.Sqrt(2.0 / 500), init.xavier_normal_(empty(200, 300)).std().ToDouble(), 2e-3);
    }

    [TestMethod]
    public void AttentionEqualsItsFormula()
    {
        manual_seed(2);
        var q = randn(2, 3, 5, 8);
        var k = randn(2, 3, 5, 8);
        var v = randn(2, 3, 5, 8);
        var scores = q.matmul(k.transpose(-2, -1)) / Math.Sqrt(8);
        Assert.IsTrue(functional.scaled_dot_product_attention(q, k, v).allclose(scores.softmax(-1).matmul(v), atol: 1e-6));
        var below = ones(5, 5, ScalarType.Bool).tril();
        var causal = scores.masked_fill(below.logical_not(), double.NegativeInfinity).softmax(-1).matmul(v);
        Assert.IsTrue(functional.scaled_dot_product_attention(q, k, v, is_casual: true).allclose(causal, atol: 1e-6));
        Assert.IsTrue(functional.scaled_dot_product_attention(q, k, v, below).allclose(causal, atol: 1e-6));
    }

    [TestMethod]
    public void ClippingScalesGradientsToTheNorm()
    {
        var p = new Parameter(zeros(2));
        p.grad = tensor(new float[] { 3, 4 });
        Assert.AreEqual(5, utils.clip_grad_norm_([p], 1), 1e-6);
        AreClose([0.6f, 0.8f], p.grad!);
        utils.clip_grad_value_([p], 0.7);
        AreClose([0.6f, 0.7f], p.grad!);
    }
}
