using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Contracts;

/// <summary>What every adapter of a linear layer owes; a method's test class inherits it and runs it for its own options.</summary>
[TestClass]
public abstract class LinearAdapterContract
{
    private readonly Dictionary<nn.Module, List<Adapter>> _made = new(ReferenceEqualityComparer.Instance);
    private DisposeScope _scope = null!;

    /// <summary>Settings under which the method changes the layer once its numbers are random.</summary>
    protected abstract AdapterOptions Options { get; }

    /// <summary>Size of the layer; a method that needs divisors has its own.</summary>
    protected virtual (long Inputs, long Outputs) Size => (6, 4);

    /// <summary>False for a method that the specification does not start as the identity.</summary>
    protected virtual bool StartsAsIdentity => true;

    /// <summary>False where the trained numbers belong to a decomposition of the base weight that rounding may turn into another one.</summary>
    protected virtual bool RoundingKeepsFactors => true;

    /// <summary>Size of the random numbers that stand for training; small for methods that need a small change.</summary>
    protected virtual double Deviation => 1;

    /// <summary>Largest difference that counts as none, of numbers around 1.</summary>
    protected virtual double Tolerance => 1e-5;

    /// <summary>The paper's count of trained numbers for a layer of this size.</summary>
    protected abstract long TrainedNumbers(long inputs, long outputs);

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Starts_as_the_base_layer()
    {
        var (layer, x) = (Layer(), Input());
        var y = Wrap(layer).call(x);

        Assert.IsTrue(y.isfinite().all().item<bool>());
        if (StartsAsIdentity)
        {
            AssertClose(Base(layer, x), y);
        }
        else
        {
            Assert.IsFalse(Base(layer, x).allclose(y), "it is the identity; StartsAsIdentity says that it is not");
        }
    }

    [TestMethod]
    public void The_same_seed_gives_the_same_start()
    {
        var first = Wrap(Layer()).parameters().ToArray();
        var second = Wrap(Layer()).parameters().ToArray();

        Assert.IsNotEmpty(first);
        for (var k = 0; k < first.Length; k++)
        {
            Assert.IsTrue(first[k].bytes.SequenceEqual(second[k].bytes));
        }
    }

    [TestMethod]
    public void Trains_the_count_of_the_paper()
        => Assert.AreEqual(
            TrainedNumbers(Size.Inputs, Size.Outputs),
            Parts(Layer()).SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel()));

    [TestMethod]
    public void Merging_changes_no_output_and_unmerging_no_bit()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        if (!Options.CanMerge)
        {
            return; // the set refuses it
        }

        var (x, weight, bias) = (Input(), layer.Weight.Dense().clone(), layer.Bias!.clone());
        var expected = adapter.call(x);
        Assert.IsFalse(Base(layer, x).allclose(expected), "random numbers do not change the output");

        using (new MergedWeights([adapter], safe: true))
        {
            AssertClose(expected, Base(layer, x));
        }

        Assert.IsTrue(weight.bytes.SequenceEqual(layer.Weight.Dense().bytes));
        Assert.IsTrue(bias.bytes.SequenceEqual(layer.Bias!.bytes));
    }

    [TestMethod]
    public void A_merge_that_gives_no_number_is_refused_and_changes_nothing()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        if (!Options.CanMerge)
        {
            return;
        }

        using (no_grad())
        {
            Trained(adapter).First().fill_(double.NaN);
        }

        var weight = layer.Weight.Dense().clone();
        Assert.ThrowsExactly<PeftException>(() => new MergedWeights([adapter], safe: true));
        Assert.IsTrue(weight.bytes.SequenceEqual(layer.Weight.Dense().bytes));
    }

    [TestMethod]
    public void Rows_and_their_flat_form_give_the_same_and_no_rows_give_none()
    {
        var adapter = Wrap(Layer());
        Randomize(adapter);
        var x = Input();

        AssertClose(adapter.call(x).reshape(6, Size.Outputs), adapter.call(x.reshape(6, Size.Inputs)));
        CollectionAssert.AreEqual(new[] { 0, Size.Outputs }, adapter.call(zeros(0, Size.Inputs)).shape);
        CollectionAssert.AreEqual(new[] { 2, 0, Size.Outputs }, adapter.call(zeros(2, 0, Size.Inputs)).shape);
    }

    [TestMethod]
    public void The_gradient_reaches_the_adapter_only()
    {
        var layer = Layer();
        var parts = Parts(layer);
        parts.ForEach(Randomize);

        parts.OfType<LinearAdapter>().Single().call(randn(2, Size.Inputs)).sum().backward();

        foreach (var (name, parameter) in parts.SelectMany(p => p.named_parameters()))
        {
            Assert.AreEqual(parameter.requires_grad, parameter.grad is not null, name);
        }

        Assert.IsFalse(layer.Weight.Dense().requires_grad);
    }

    [TestMethod]
    public void Two_of_them_act_one_after_the_other()
    {
        var layer = Layer();
        var (first, second) = (Wrap(layer), Wrap(layer));
        Randomize(first);
        Randomize(second);
        if (!Options.CanMerge)
        {
            return;
        }

        var x = Input();
        using var context = ForwardContext.Predicting();
        var both = new LayerCall(layer, [first, second], context).Forward(x);

        var weight = second.Materialize(first.Materialize(layer.Weight.Dense()));
        AssertClose(nn.functional.linear(x, weight, second.MaterializeBias(first.MaterializeBias(layer.Bias))), both);
    }

    [TestMethod]
    public void A_base_in_BFloat16_gives_about_the_same()
    {
        var (layer, half) = (Layer(), Layer(ScalarType.BFloat16));
        var (adapter, other) = (Wrap(layer), Wrap(half));
        var x = Input();

        var y = other.call(x.to(ScalarType.BFloat16));

        Assert.AreEqual(ScalarType.BFloat16, y.dtype);
        var expected = adapter.call(x);
        var difference = (expected - y.to(ScalarType.Float32)).abs().max().item<float>();
        Assert.IsLessThan(0.05 * Math.Max(1, expected.abs().max().item<float>()), difference);
    }

    [TestMethod]
    public void Trained_numbers_do_about_the_same_beside_a_base_in_BFloat16_and_go_on_learning()
    {
        var (layer, half) = (Layer(), Layer(ScalarType.BFloat16));
        var (adapter, other) = (Wrap(layer), Wrap(half));
        Randomize(adapter);
        using (no_grad())
        {
            foreach (var (mine, theirs) in Trained(adapter).Zip(Trained(other)))
            {
                theirs.copy_(mine);
            }
        }

        var x = Input();
        var y = other.call(x.to(ScalarType.BFloat16));
        y.to(ScalarType.Float32).square().sum().backward();

        Assert.AreEqual(ScalarType.BFloat16, y.dtype);
        var expected = adapter.call(x);
        if (RoundingKeepsFactors)
        {
            Assert.IsLessThan(0.1 * expected.abs().max().item<float>(), (expected - y.to(ScalarType.Float32)).abs().max().item<float>(), Options.Method.Name);
        }

        Assert.IsTrue(Trained(other).All(p => p.grad is { } gradient && gradient.isfinite().all().item<bool>()));
    }

    [TestMethod]
    public void A_layer_without_a_bias_is_adapted_and_merged_too_or_it_is_told_why_not()
    {
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(Layer().Weight.Dense()), null);
        var adapter = Wrap(layer);
        Randomize(adapter);
        var (x, weight) = (Input(), layer.Weight.Dense().clone());
        var expected = adapter.call(x);
        Assert.IsTrue(expected.isfinite().all().item<bool>());
        if (!Options.CanMerge)
        {
            return;
        }

        try
        {
            using var merged = new MergedWeights([adapter], safe: true);
            AssertClose(expected, Base(layer, x));
        }
        catch (PeftException error)
        {
            StringAssert.Contains(error.Message, "a bias, which that layer does not have");
        }

        Assert.IsNull(layer.Bias);
        Assert.IsTrue(weight.bytes.SequenceEqual(layer.Weight.Dense().bytes));
    }

    [TestMethod]
    public void A_forward_pass_leaves_one_tensor_alive()
    {
        var adapter = Wrap(Layer());
        var x = Input();
        Run().Dispose(); // what is made once stays
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        var y = Run();

        Assert.AreEqual(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        y.Dispose();

        Tensor Run()
        {
            using var scope = NewDisposeScope();
            return adapter.call(x).MoveToOuterDisposeScope();
        }
    }

    [TestMethod]
    public void Survives_the_scope_it_was_made_in()
    {
        LinearAdapter adapter;
        var layer = Layer();
        using (NewDisposeScope())
        {
            adapter = Wrap(layer);
        }

        Assert.IsTrue(adapter.parameters().All(p => !p.IsInvalid));
        adapter.call(Input());
        adapter.Dispose();
    }

    [TestMethod]
    public void Its_settings_survive_their_file()
    {
        var json = Options.ToJson();

        Assert.AreEqual(json, AdapterOptions.FromJson(json, "test").ToJson());
    }

    /// <summary>A layer of the contract's size, or of another one.</summary>
    protected LinearLayer Layer(ScalarType type = ScalarType.Float32) => Layer(Size.Inputs, Size.Outputs, type);

    protected static LinearLayer Layer(long inputs, long outputs, ScalarType type = ScalarType.Float32)
    {
        using var generator = new Generator(5);
        return new LinearLayer(
            "block.0.query",
            0,
            new DenseWeight(randn([outputs, inputs], generator: generator).to(type).DetachFromDisposeScope()),
            randn([outputs], generator: generator).to(type).DetachFromDisposeScope());
    }

    /// <summary>(2, 3, in).</summary>
    protected Tensor Input() => randn(2, 3, Size.Inputs);

    protected static Tensor Base(LinearLayer layer, Tensor x)
    {
        using var context = ForwardContext.Predicting();
        return layer.Forward(x, context);
    }

    /// <summary>Every part that the method makes for a layer, shared ones included.</summary>
    protected List<Adapter> Parts(LinearLayer layer)
    {
        using var initialization = new Initialization(3);
        var parts = Options.CreateParts(new AdapterBuild([layer], initialization)).ToList();
        parts.ForEach(part => part.eval());
        return parts;
    }

    /// <summary>The part of a layer.</summary>
    protected LinearAdapter Wrap(LinearLayer layer)
    {
        var parts = Parts(layer);
        var part = parts.OfType<LinearAdapter>().Single();
        _made.Add(part, parts);
        return part;
    }

    /// <summary>What is trained of a part, and of the parts that it shares with other layers.</summary>
    protected IEnumerable<Parameter> Trained(nn.Module part)
        => (_made.TryGetValue(part, out var parts) ? parts.SelectMany(p => p.parameters()) : part.parameters()).Where(p => p.requires_grad);

    protected static Parameter Parameter(nn.Module module, string name) => module.named_parameters().Single(p => p.name == name).parameter;

    protected static void Fill(nn.Module module, string parameter, double value)
    {
        using var _ = no_grad();
        Parameter(module, parameter).fill_(value);
    }

    protected void Randomize(nn.Module module)
    {
        using var _ = no_grad();
        foreach (var parameter in Trained(module))
        {
            nn.init.normal_(parameter, std: Deviation);
        }
    }

    protected void AssertClose(Tensor expected, Tensor actual)
        => Assert.IsTrue(expected.allclose(actual, rtol: Tolerance, atol: Tolerance), $"largest difference {(expected - actual).abs().max().item<float>()}");
}
