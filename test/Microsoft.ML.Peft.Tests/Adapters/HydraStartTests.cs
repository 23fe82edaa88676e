using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>How Hydra starts, and what moves first.</summary>
[TestClass]
public sealed class HydraStartTests
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
    [DataRow(4, 8, false)]
    [DataRow(2, 2, true)]
    [DataRow(0, 3, true)]
    [DataRow(3, 0, false)]
    public void It_starts_as_the_base_to_the_last_bit(int parallel, int sequential, bool biases)
    {
        var (layer, x) = (Layer(), randn(2, 3, 6));
        var hydra = Make(new() { ParallelRank = parallel, SequentialRank = sequential, UseBias = biases }, layer);
        Assert.IsTrue(Base(layer, x).eq(hydra.call(x)).all().item<bool>());
    }

    [TestMethod]
    [DataRow("kaiming", 1.0 / 20, 1.0 / 30)]       // even, up to 1/√in
    [DataRow("xavier", 0.1195229, 0.0813788)]      // √(6/(in + r)), with in = 400 and, behind the layer, 900
    [DataRow("normal002", 0, 0)]
    [DataRow("normal", 0, 0)]                      // in files of the first versions
    public void Down_matrices_start_as_they_are_called_in_files(string name, double parallel, double sequential)
    {
        var options = (HydraOptions)AdapterOptions.FromJson($"{{\"peft_type\": \"HYDRA\", \"r_parallel\": 20, \"r_sequential\": 6, \"init_down\": \"{name}\"}}", "test");
        StringAssert.Contains(options.ToJson(), $"\"init_down\": \"{(name == "normal" ? "normal002" : name)}\"");
        var hydra = Make(options, Layer(400, 900));
        foreach (var (down, bound) in new[] { (Named(hydra, "A_p"), parallel), (Named(hydra, "A_s"), sequential) })
        {
            var largest = down.abs().max().item<float>();
            Assert.IsTrue(bound == 0 ? largest > 0.06 : largest <= bound + 1e-7 && largest > 0.99 * bound, $"{largest}");
            Assert.AreEqual(bound == 0 ? 0.02 : bound / Math.Sqrt(3), down.square().mean().sqrt().item<float>(), 0.03 * (bound == 0 ? 0.02 : bound));
        }
    }

    // One code for all outputs: what drops it drops all of them, and what dropped inputs would change its size.
    [TestMethod]
    public void Dropout_is_one_of_the_code_between_down_and_up()
    {
        var layer = Layer();
        var hydra = Make(new() { ParallelRank = 1, SequentialRank = 0, Dropout = 0.5 }, layer);
        var x = randn(40, 6);
        using (no_grad())
        {
            Named(hydra, "A_p").fill_(1);
            Named(hydra, "B_p").fill_(1);
        }

        var whole = x.sum(1);
        Golden.Close.Assert(Base(layer, x) + whole.unsqueeze(1), hydra.call(x).detach(), "predicting", 1e-5);

        hydra.train();
        var added = (hydra.call(x) - Base(layer, x)).detach();
        Golden.Close.Assert(added.narrow(1, 0, 1).expand(40, 4), added, "outputs", 1e-5);
        var kept = added.select(1, 0).abs().gt(1e-6);
        Golden.Close.Assert(where(kept, whole * 2, zeros_like(whole)), added.select(1, 0), "kept", 1e-5); // 1/(1 − 0.5)
        Assert.IsTrue(kept.sum().item<long>() is > 5 and < 35);
    }

    [TestMethod]
    public void The_first_gradient_reaches_the_up_matrices_alone()
    {
        var hydra = Make(new() { ParallelRank = 2, SequentialRank = 2 }, Layer());
        hydra.call(randn(5, 6)).sum().backward();
        foreach (var (name, parameter) in hydra.named_parameters())
        {
            Assert.AreEqual(name[0] == 'B', parameter.grad!.count_nonzero().item<long>() > 0, name);
        }
    }

    [TestMethod]
    public void Settings_outside_their_ranges_are_refused()
    {
        foreach (var wrong in (HydraOptions[])[
            new() { ParallelRank = -1 }, new() { SequentialRank = -1 }, new() { ParallelRank = 0, SequentialRank = 0 }, new() { Scaling = 0 }, new() { Dropout = 1 }])
        {
            Assert.Throws<ArgumentException>(wrong.Validate, $"{wrong}");
        }
    }

    private static LinearLayer Layer(long inputs = 6, long outputs = 4) => new("block.0.query", 0, new DenseWeight(randn(outputs, inputs)), randn(outputs));

    private static Hydra Make(HydraOptions options, LinearLayer layer) => (Hydra)MethodCase.Parts(options, layer).Single();

    private static Tensor Base(LinearLayer layer, Tensor x) => nn.functional.linear(x, layer.Weight.Dense(), layer.Bias);

    private static Parameter Named(nn.Module hydra, string name) => hydra.named_parameters().Single(p => p.name == name).parameter;
}
