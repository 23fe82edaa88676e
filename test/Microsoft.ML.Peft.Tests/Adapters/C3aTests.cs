using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class C3aTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new C3aOptions { BlockSize = 2 };

    protected override bool StartsAsIdentity => false;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(2, inputs, outputs);

    [TestMethod]
    public void Blocks_are_circulant()
    {
        using var initialization = new Initialization(0);
        using var adapter = new C3a(Layer(3, 3), new() { BlockSize = 3 }, new AdapterBuild([], initialization));
        using (no_grad())
        {
            Parameter(adapter, "c3a_kernel").copy_(tensor(new[] { 3f, 6f, 9f }).view(1, 1, 3));
        }

        AssertClose(tensor(new[,] { { 1f, 2f, 3f }, { 3f, 1f, 2f }, { 2f, 3f, 1f } }), adapter.Delta()); // row k: w[(j − k) mod 3]/3
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void The_gradient_of_the_input_is_the_true_one_on_request(bool exact)
    {
        using var initialization = new Initialization(0);
        var layer = Layer(8, 4);
        using var adapter = new C3a(layer, new() { BlockSize = 4, ExactGradient = exact }, new AdapterBuild([], initialization));
        adapter.eval();
        Randomize(adapter);
        var x = randn(5, 8, requires_grad: true);
        var cotangent = randn(5, 4);
        (adapter.call(x) * cotangent).sum().backward();
        var kernel = Parameter(adapter, "c3a_kernel");
        var ofKernel = kernel.grad!.clone();
        kernel.grad = null;
        var other = x.detach().clone().requires_grad_();
        ((nn.functional.linear(other, adapter.Delta() + layer.FrozenWeight, layer.Bias)) * cotangent).sum().backward();

        Assert.AreEqual(exact, other.grad!.allclose(x.grad!, rtol: 1e-4, atol: 1e-5));
        AssertClose(kernel.grad!, ofKernel); // right either way
    }

    [TestMethod]
    public void Block_sizes_may_differ_by_layer_and_must_divide()
    {
        using var initialization = new Initialization(0);
        var options = new C3aOptions { BlockSize = 4, BlockSizePattern = new Dictionary<string, int> { ["query"] = 2 } };
        using var adapter = new C3a(Layer(), options, new AdapterBuild([], initialization));
        CollectionAssert.AreEqual(new long[] { 2, 3, 2 }, Parameter(adapter, "c3a_kernel").shape);

        var error = Assert.ThrowsExactly<PeftException>(() => new C3a(Layer(), new() { BlockSize = 4 }, new AdapterBuild([], initialization)));
        StringAssert.StartsWith(error.Message, "The block size is 4, which does not divide 6 inputs and 4 outputs");
    }

    [TestMethod]
    [DataRow("true", C3aStart.Zero)]
    [DataRow("false", C3aStart.XavierUniform)]
    [DataRow("\"gaussian\"", C3aStart.Gaussian)]
    public void Files_name_the_start(string written, C3aStart start)
        => Assert.AreEqual(start, ((C3aOptions)AdapterOptions.FromJson($"{{\"peft_type\": \"C3A\", \"init_weights\": {written}}}", "adapter_config.json")).Start);

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(5_505_024, 28 * (Count(64, 3072, 3072) + Count(64, 3072, 1024)));

    private static long Count(long block, long inputs, long outputs) => inputs * outputs / block;
}
