using Microsoft.ML.Peft.Layers;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>Every golden model in BFloat16 with adapters in Float32, and on a GPU, against what Hugging Face computes in Float32 on the CPU.</summary>
[TestClass]
public sealed class PlacementTests
{
    private static readonly Placement s_half = new(CPU, ScalarType.BFloat16);
    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Models => GoldenCase.In(GoldenFolder.Of(GoldenFolder.First)).Where(c => c.Adapter is "lora").Select(c => new object[] { c.Model });

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    // T5 does not scale its attention scores, so that it feels roundings most; a processor without BFloat16 operators sums in BFloat16 too.
    [TestMethod]
    [DynamicData(nameof(Models))]
    public void In_BFloat16_on_the_CPU_the_numbers_stay_near(string model) => Compare(model, s_half, model == "t5" ? 0.15 : 0.06, 0.97);

    [TestMethod]
    [TestCategory("Gpu")]
    [DynamicData(nameof(Models))]
    public void On_a_GPU_the_numbers_are_the_same(string model) => Compare(model, Gpu(ScalarType.Float32), 2e-3, 0.9999);

    [TestMethod]
    [TestCategory("Gpu")]
    [DynamicData(nameof(Models))]
    public void In_BFloat16_on_a_GPU_the_numbers_stay_near(string model) => Compare(model, Gpu(ScalarType.BFloat16), 0.06, 0.97);

    private static Placement Gpu(ScalarType precision)
    {
        if (!cuda.is_available())
        {
            Assert.Inconclusive("This machine, or this libtorch, has no CUDA.");
        }

        return Placement.On("cuda", precision);
    }

    // tolerance: of outputs, relative to their largest number. likeness: cosine of the angle between all gradients and those recorded.
    private static void Compare(string name, Placement placement, double tolerance, double likeness)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Of(GoldenFolder.First), name, "lora"), placement);
        using var context = ForwardContext.Predicting(golden.Adapter!);
        var expected = golden.Expected();
        var output = golden.Forward(context);
        // A token whose experts are nearly tied goes to another one after a rounding, which changes its row and nothing else:
        // of a model with experts in BFloat16 half of the rows have to be near.
        var routed = placement.Precision == ScalarType.BFloat16 && golden.Model.Backbone.Layers.OfType<RouterLayer>().Any();
        foreach (var part in output.Names.Where(expected.ContainsKey))
        {
            Golden.Close.Assert(expected[part].to(ScalarType.Float32), output[part].to(ScalarType.Float32).cpu(), part, tolerance, routed ? 0.5 : 1);
        }

        var loss = golden.Model.Head.Loss(output, golden.Targets);
        Assert.AreEqual(ScalarType.Float32, loss.dtype);
        Golden.Close.Assert(expected["loss"].reshape(1), loss.reshape(1).cpu(), "loss", routed ? 0.2 : tolerance);

        loss.backward();
        var parameters = golden.Adapter!.Parameters().ToDictionary(p => p.FileName, p => p.Parameter, StringComparer.Ordinal);
        var recorded = expected.Keys.Where(key => key.StartsWith("grad.", StringComparison.Ordinal)).ToList();
        Assert.IsNotEmpty(recorded);
        var actual = cat([.. recorded.Select(key => Gradient(key).reshape(-1))]);
        var wanted = cat([.. recorded.Select(key => expected[key].reshape(-1))]);
        Assert.AreEqual(ScalarType.Float32, actual.dtype, "adapters are Float32, whatever the base");
        Assert.IsGreaterThan(routed ? 0.8 : likeness, nn.functional.cosine_similarity(actual, wanted, 0).item<float>());

        Tensor Gradient(string key) => parameters[GoldenComparison.FileName(key["grad.".Length..], parameters.Keys)].grad!.cpu();
    }
}
