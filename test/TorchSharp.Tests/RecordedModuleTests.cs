using System.Runtime.CompilerServices;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>Modules against what PyTorch 1.13's give for the same weights and inputs (data/record_modules.py): outputs, gradients, running statistics.</summary>
[TestClass]
public sealed class RecordedModuleTests : LeakCheckedTests
{
    private static readonly Dictionary<string, Func<nn.Module>> s_modules = new()
    {
        ["RNN"] = () => nn.RNN(3, 4),
        ["RNN relu 2 layers both ways"] = () => nn.RNN(3, 4, 2, nn.NonLinearities.ReLU, bidirectional: true, batchFirst: true),
        ["RNN without bias, one sequence"] = () => nn.RNN(3, 4, bias: false),
        ["GRU"] = () => nn.GRU(3, 4),
        ["GRU 2 layers both ways"] = () => nn.GRU(3, 4, 2, bidirectional: true, batchFirst: true),
        ["LSTM"] = () => nn.LSTM(3, 4),
        ["LSTM 2 layers both ways"] = () => nn.LSTM(3, 4, 2, bidirectional: true, batchFirst: true),
        ["LSTM one sequence"] = () => nn.LSTM(3, 4),
        ["RNNCell"] = () => nn.RNNCell(3, 4),
        ["RNNCell relu"] = () => nn.RNNCell(3, 4, nn.NonLinearities.ReLU),
        ["GRUCell"] = () => nn.GRUCell(3, 4),
        ["GRUCell one example"] = () => nn.GRUCell(3, 4, bias: false),
        ["LSTMCell"] = () => nn.LSTMCell(3, 4),
        ["ConstantPad1d"] = () => nn.ConstantPad1d((1, 2), 0.5),
        ["ConstantPad2d"] = () => nn.ConstantPad2d(1, 0.5),
        ["ConstantPad3d"] = () => nn.ConstantPad3d((1, 0, 0, 1, 2, 0), 0.5),
        ["ReflectionPad1d"] = () => nn.ReflectionPad1d((2, 1)),
        ["ReflectionPad2d"] = () => nn.ReflectionPad2d(1),
        ["ReflectionPad3d"] = () => nn.ReflectionPad3d(1),
        ["ReplicationPad1d"] = () => nn.ReplicationPad1d(2),
        ["ReplicationPad2d"] = () => nn.ReplicationPad2d((1, 2, 0, 1)),
        ["ReplicationPad3d"] = () => nn.ReplicationPad3d(1),
        ["ZeroPad2d"] = () => nn.ZeroPad2d((1, 2, 0, 1)),
        ["Unfold"] = () => nn.Unfold(2, padding: 1),
        ["Fold"] = () => nn.Fold((4, 5), (2, 2)),
        ["Unflatten"] = () => nn.Unflatten(1, [2, 3]),
        ["Upsample nearest"] = () => nn.Upsample(scale_factor: [2]),
        ["Upsample bilinear"] = () => nn.Upsample(size: [5, 4], mode: UpsampleMode.Bilinear, align_corners: true),
        ["CosineSimilarity"] = () => nn.CosineSimilarity(),
        ["PairwiseDistance"] = () => nn.PairwiseDistance(keepdim: true),
        ["LocalResponseNorm"] = () => nn.LocalResponseNorm(3, alpha: 0.1),
        ["LocalResponseNorm of images"] = () => nn.LocalResponseNorm(2, alpha: 0.1, k: 2),
        ["Bilinear"] = () => nn.Bilinear(3, 4, 2),
        ["InstanceNorm1d"] = () => nn.InstanceNorm1d(3, affine: true),
        ["InstanceNorm1d one example"] = () => nn.InstanceNorm1d(3),
        ["InstanceNorm2d with statistics"] = () => Training(nn.InstanceNorm2d(3, affine: true, track_running_stats: true)),
        ["InstanceNorm3d"] = () => nn.InstanceNorm3d(2),
        ["BatchNorm3d"] = () => Training(nn.BatchNorm3d(2)),
        ["PoissonNLLLoss"] = () => nn.PoissonNLLLoss(full: true),
        ["GaussianNLLLoss"] = () => nn.GaussianNLLLoss(full: true, eps: 1e-6f),
        ["GaussianNLLLoss of one variance a row"] = () => nn.GaussianNLLLoss(eps: 1e-6f, reduction: nn.Reduction.Sum),
        ["MultiLabelMarginLoss"] = () => nn.MultiLabelMarginLoss(),
        ["MultiLabelSoftMarginLoss"] = () => nn.MultiLabelSoftMarginLoss(),
        ["MultiMarginLoss"] = () => nn.MultiMarginLoss(p: 2, margin: 0.5),
        ["TripletMarginLoss"] = () => nn.TripletMarginLoss(swap: true),
        ["CTCLoss"] = () => nn.CTCLoss(reduction: nn.Reduction.Sum),
    };

    private static readonly JsonElement[] recorded =
        [.. JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "modules.json"))).RootElement.EnumerateArray()];

    public static IEnumerable<object[]> Cases => recorded.Select(c => new object[] { c.GetProperty("name").GetString()! });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void GivesWhatPyTorchGives(string name)
    {
        var c = recorded.Single(r => r.GetProperty("name").GetString() == name);
        using var module = s_modules[name]();
        var state = c.GetProperty("state").EnumerateObject().ToArray();
        CollectionAssert.AreEquivalent(
            state.Select(s => s.Name).ToArray(), module.state_dict().Where(s => s.Value.dtype == ScalarType.Float32).Select(s => s.Key).ToArray());
        using (no_grad())
            foreach (var entry in state) module.state_dict()[entry.Name].copy_(Make(entry.Value));

        var inputs = c.GetProperty("in").EnumerateArray().Select(Make).ToArray();
        foreach (var input in inputs.Where(i => i.is_floating_point())) input.requires_grad_(true);
        var outputs = Call(module, inputs);
        var expected = c.GetProperty("out").EnumerateArray().ToArray();
        Assert.HasCount(expected.Length, outputs);
        for (int k = 0; k < expected.Length; k++) Same(expected[k], outputs[k], $"output {k}");

        outputs.Select(o => o.square().sum()).Aggregate((a, b) => a + b).backward();
        var grads = c.GetProperty("grads").EnumerateArray().ToArray();
        foreach (var (grad, input) in grads.Zip(inputs.Where(i => i.is_floating_point()))) Same(grad, input.grad!, "gradient of an input");
        foreach (var grad in c.GetProperty("weight_grads").EnumerateObject()) Same(grad.Value, module.get_parameter(grad.Name)!.grad!, grad.Name);
        foreach (var buffer in c.GetProperty("after").EnumerateObject()) Same(buffer.Value, module.get_buffer(buffer.Name)!, buffer.Name);
    }

    [TestMethod]
    public void EveryModuleOfTheListIsRecorded() =>
        CollectionAssert.AreEquivalent(s_modules.Keys, recorded.Select(c => c.GetProperty("name").GetString()).ToArray());

    private static T Training<T>(T module) where T : nn.Module
    {
        module.train();
        return module;
    }

    private static Tensor[] Call(nn.Module module, Tensor[] x) => module switch
    {
        Modules.LSTM m => Parts(m.call(x[0], x.Length > 1 ? (x[1], x[2]) : null)),
        Modules.LSTMCell m => Parts(m.call(x[0], x.Length > 1 ? (x[1], x[2]) : null)),
        nn.Module<Tensor, Tensor, (Tensor, Tensor)> m => Parts(m.call(x[0], x.Length > 1 ? x[1] : null!)),
        Modules.RNNCell or Modules.GRUCell => [((nn.Module<Tensor, Tensor, Tensor>)module).call(x[0], x.Length > 1 ? x[1] : null!)],
        nn.Module<Tensor, Tensor> m => [m.call(x[0])],
        nn.Module<Tensor, Tensor, Tensor> m => [m.call(x[0], x[1])],
        nn.Module<Tensor, Tensor, Tensor, Tensor> m => [m.call(x[0], x[1], x[2])],
        nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor> m => [m.call(x[0], x[1], x[2], x[3])],
        _ => throw new InvalidOperationException(module.GetName()),
    };

    private static Tensor[] Parts(ITuple tuple) => [.. Enumerable.Range(0, tuple.Length).Select(k => (Tensor)tuple[k]!)];

    private static Tensor Make(JsonElement e)
    {
        var shape = e.GetProperty("t").EnumerateArray().Select(s => s.GetInt64()).ToArray();
        var type = e.GetProperty("d").GetString() == "int64" ? ScalarType.Int64 : ScalarType.Float32;
        return tensor(e.GetProperty("v").EnumerateArray().Select(v => v.GetDouble()).ToArray()).to(type).reshape(shape);
    }

    private static void Same(JsonElement expected, Tensor actual, string what)
    {
        CollectionAssert.AreEqual(expected.GetProperty("t").EnumerateArray().Select(s => s.GetInt64()).ToArray(), actual.shape, what);
        AreClose([.. expected.GetProperty("v").EnumerateArray().Select(v => (float)v.GetDouble())], actual.reshape(-1), 2e-5);
    }
}
