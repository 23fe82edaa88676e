using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Contracts;

/// <summary>What every adapter of a linear layer owes; a method's test class inherits it and runs it for its own options.</summary>
[TestClass]
public abstract class LinearAdapterContract
{
    private DisposeScope _scope = null!;

    /// <summary>Settings under which the method changes the layer once its numbers are random.</summary>
    protected abstract LinearAdapterOptions Options { get; }

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
        var layer = Layer(6, 4);
        var x = randn(2, 3, 6);

        AssertClose(Base(layer, x), Wrap(layer).call(x));
    }

    [TestMethod]
    public void The_same_seed_gives_the_same_start()
    {
        var first = Wrap(Layer(6, 4)).parameters().ToArray();
        var second = Wrap(Layer(6, 4)).parameters().ToArray();

        Assert.IsNotEmpty(first);
        for (var k = 0; k < first.Length; k++)
        {
            Assert.IsTrue(first[k].bytes.SequenceEqual(second[k].bytes));
        }
    }

    [TestMethod]
    public void Trains_the_count_of_the_paper()
        => Assert.AreEqual(TrainedNumbers(6, 4), Wrap(Layer(6, 4)).parameters().Where(p => p.requires_grad).Sum(p => p.numel()));

    [TestMethod]
    public void Merging_changes_no_output_and_unmerging_no_bit()
    {
        var layer = Layer(6, 4);
        var adapter = Wrap(layer);
        Randomize(adapter);
        var (x, weight) = (randn(2, 3, 6), layer.Weight.Dense().clone());
        var expected = adapter.call(x);

        using (new MergedWeights([adapter]))
        {
            AssertClose(expected, Base(layer, x));
        }

        Assert.IsTrue(weight.bytes.SequenceEqual(layer.Weight.Dense().bytes));
    }

    [TestMethod]
    public void Rows_and_their_flat_form_give_the_same()
    {
        var adapter = Wrap(Layer(6, 4));
        Randomize(adapter);
        var x = randn(2, 3, 6);

        AssertClose(adapter.call(x).reshape(6, 4), adapter.call(x.reshape(6, 6)));
    }

    [TestMethod]
    public void The_gradient_reaches_the_adapter_only()
    {
        var layer = Layer(6, 4);
        var adapter = Wrap(layer);
        Randomize(adapter);

        adapter.call(randn(2, 6)).sum().backward();

        foreach (var (name, parameter) in adapter.named_parameters())
        {
            Assert.AreEqual(parameter.requires_grad, parameter.grad is not null, name);
        }

        Assert.IsFalse(layer.Weight.Dense().requires_grad);
    }

    [TestMethod]
    public void Survives_the_scope_it_was_made_in()
    {
        LinearAdapter adapter;
        using (NewDisposeScope())
        {
            adapter = Wrap(Layer(6, 4));
        }

        Assert.IsTrue(adapter.parameters().All(p => !p.IsInvalid));
        adapter.Dispose();
    }

    [TestMethod]
    public void Its_settings_survive_their_file()
    {
        var json = Options.ToJson();

        Assert.AreEqual(json, AdapterOptions.FromJson(json, "test").ToJson());
    }

    protected static LinearLayer Layer(long inputs, long outputs)
    {
        using var generator = new Generator(5);
        return new LinearLayer(
            "block.query",
            0,
            new DenseWeight(randn([outputs, inputs], generator: generator).DetachFromDisposeScope()),
            randn([outputs], generator: generator).DetachFromDisposeScope());
    }

    protected static Tensor Base(LinearLayer layer, Tensor x)
    {
        using var context = ForwardContext.Predicting();
        return layer.Forward(x, context);
    }

    protected LinearAdapter Wrap(LinearLayer layer)
    {
        using var initialization = new Initialization(3);
        var adapter = Options.Create(layer, new AdapterBuild([layer], initialization));
        adapter.eval();
        return adapter;
    }

    protected static void Fill(nn.Module module, string parameter, double value)
    {
        using var _ = no_grad();
        module.named_parameters().Single(p => p.name == parameter).parameter.fill_(value);
    }

    protected static void Randomize(nn.Module module)
    {
        using var _ = no_grad();
        foreach (var parameter in module.parameters().Where(p => p.requires_grad))
        {
            nn.init.normal_(parameter);
        }
    }

    protected static void AssertClose(Tensor expected, Tensor actual)
        => Assert.IsTrue(expected.allclose(actual, rtol: 1e-5, atol: 1e-5), $"largest difference {(expected - actual).abs().max().item<float>()}");
}
