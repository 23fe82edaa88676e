using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Native;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Native;

/// <summary>What the engine adds to TorchSharp on a GPU.</summary>
[TestClass]
[TestCategory("Gpu")]
public sealed class CudaTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        if (!cuda.is_available())
        {
            Assert.Inconclusive("This machine, or this libtorch, has no CUDA.");
        }

        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope?.Dispose();

    [TestMethod]
    public void A_graph_repeats_its_work_on_what_the_inputs_hold_now()
    {
        var (x, y) = (ones(4, device: CUDA), zeros(4, device: CUDA));
        using var graph = new CudaGraph(() =>
        {
            using var scope = NewDisposeScope();
            y.copy_(x * 3 + 1);
        });
        x.fill_(5);
        graph.Replay();
        CollectionAssert.AreEqual(new[] { 16f, 16f, 16f, 16f }, y.cpu().data<float>().ToArray());
    }

    [TestMethod]
    public void Work_that_asks_for_a_number_cannot_be_recorded_and_the_device_lives_on()
    {
        var x = ones(4, device: CUDA);
        Assert.Throws<Exception>(() => new CudaGraph(() => _ = x.sum().item<float>()));
        Assert.AreEqual(4, x.sum().item<float>());
    }

    [TestMethod]
    public void Memory_figures_follow_the_tensors()
    {
        DeviceMemory.EmptyCache();
        DeviceMemory.ResetPeak(0);
        var before = DeviceMemory.Of(0);
        using (var large = empty(64 << 20, ScalarType.Float32, CUDA))
        {
            Assert.IsGreaterThanOrEqualTo(before.Allocated + (256L << 20), DeviceMemory.Of(0).Allocated);
        }

        var after = DeviceMemory.Of(0);
        Assert.AreEqual(before.Allocated, after.Allocated);
        Assert.IsGreaterThanOrEqualTo(before.Allocated + (256L << 20), after.PeakAllocated);
        Assert.IsGreaterThan(before.Reserved, after.Reserved);
        DeviceMemory.EmptyCache();
        Assert.IsLessThan(after.Reserved, DeviceMemory.Of(0).Reserved);
        Assert.IsGreaterThan(1L << 30, after.Total);
    }

    [TestMethod]
    public void The_operators_of_newer_versions_are_those_we_know()
    {
        Assert.IsNotNull(BoxedOperators.Attention, "eng/gpu.sh is for PyTorch 2.5 and newer");
        Assert.IsNotNull(BoxedOperators.RmsNorm);
        var (x, weight) = (randn([3, 5, 16], device: CUDA), rand([16], device: CUDA));
        var expected = x * (x.square().mean([-1L], keepdim: true) + 1e-5).rsqrt() * weight;
        Assert.IsTrue(BoxedOperators.RmsNorm!.Call(x, BoxedArgument.Size(16), weight, 1e-5).allclose(expected, rtol: 1e-4, atol: 1e-5));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_fused_attention_equals_the_formula(bool masked)
    {
        var (q, k, v) = (Leaf(4), Leaf(2), Leaf(2));
        var mask = masked ? randn([2, 4, 40, 40], device: CUDA) : null;
        var output = FusedAttention.Forward(q, k, v, mask, causal: !masked, scale: 0.3);
        output.square().sum().backward();
        var (q2, k2, v2) = (Copy(q), Copy(k), Copy(v));
        var (keys, values) = (k2.repeat_interleave(2, 1), v2.repeat_interleave(2, 1));
        var added = mask ?? full([40, 40], float.NegativeInfinity, device: CUDA).triu(1);
        var expected = (q2.matmul(keys.transpose(-2, -1)) * 0.3 + added).softmax(-1).matmul(values);
        expected.square().sum().backward();

        foreach (var (wanted, found) in (ReadOnlySpan<(Tensor, Tensor)>)[(expected, output), (q2.grad!, q.grad!), (k2.grad!, k.grad!), (v2.grad!, v.grad!)])
        {
            Golden.Close.Assert(wanted.cpu(), found.cpu(), "attention", 2e-3);
        }

        static Tensor Leaf(long heads) => randn([2, heads, 40, 64], device: CUDA).requires_grad_(true);

        static Tensor Copy(Tensor x) => x.detach().clone().requires_grad_(true);
    }

    [TestMethod]
    public void A_classifier_learns_on_the_GPU_and_is_read_back_on_the_CPU()
    {
        using var folder = new TinyBert();
        string[] labels = ["first", "second"];
        using var model = TextClassifier.Load(
            folder.Folder, new() { Labels = labels, Adapter = new LoraOptions { Rank = 4 }, Device = "cuda" });
        TextExample[] rows = [.. TinyBert.Words.Select((word, k) => new TextExample(word, k % 2))];
        var report = Trainer.Fit(model, rows, new() { Epochs = 40, BatchSize = 5, LearningRate = 1e-2 });
        Assert.IsLessThan(report.EpochLosses[0] / 2, report.FinalLoss);

        using var stream = new MemoryStream();
        model.Save(stream);
        using var there = TextClassifier.Load(stream.ToArray(), "package", device: "cpu");
        string[] texts = [.. rows.Select(row => row.Text)];
        foreach (var (gpu, cpu) in model.Predict(texts).Zip(there.Predict(texts)))
        {
            Assert.AreEqual(cpu[0], gpu[0], 0.05); // BFloat16 against Float32
        }
    }

    [TestMethod]
    public void One_rank_reduces_through_NCCL()
    {
        if ((Bridge.peft_group_backends() & (int)GroupBackend.Nccl) == 0)
        {
            Assert.Inconclusive("The bridge was built without NCCL.");
        }

        using var store = ProcessStore.Tcp("127.0.0.1", 0, isServer: true, 1);
        using var group = new ProcessGroup(store, GroupBackend.Nccl, 0, 1);
        var x = ones(3, device: CUDA) * 2;
        group.AllReduce(x);
        group.Barrier();
        CollectionAssert.AreEqual(new[] { 2f, 2f, 2f }, x.cpu().data<float>().ToArray());
    }
}
