using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.Calibration;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>LoRA-GA's start.</summary>
[TestClass]
public sealed class LoraGaTests
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
    [DataRow(LoraGaDirection.ArB2r, 1.0, new[] { 0.03642993f, 0.66746014f, 0.03337627f, 0.0550091f, 0.7409656f }, new[] { 0.9386186f, 0.36116722f, 0.67072403f, 0.81181628f })]
    [DataRow(LoraGaDirection.A2rBr, 1.0, new[] { 0.44404048f, 0.02846191f, 0.24952704f, 0.85870963f, 0.04870374f }, new[] { 1.51854038f, 0.33177722f, 1.38306391f, 0.46543673f })]
    [DataRow(LoraGaDirection.ArBr, 1.0, new[] { 0.29346201f, 0.69168329f, 0.26374725f, 0.06391923f, 0.60150343f }, new[] { 1.51854038f, 0.33177722f, 1.38306391f, 0.46543673f })]
    public void The_directions_are_what_hugging_face_computes(LoraGaDirection direction, double factor, float[] firstRow, float[] firstColumn)
        => AssertFactors(new() { Direction = direction, Scale = LoraGaScale.Unit }, factor, firstRow, firstColumn);

    [TestMethod]
    [DataRow(LoraGaScale.Stable, 1.0, new[] { 0.33185178f, 0.12769189f, 0.23713675f, 0.28702039f })]
    [DataRow(LoraGaScale.WeightSvd, 1.0, new[] { 1.66405392f, 0.64030457f, 1.18911028f, 1.43924928f })]
    [DataRow(LoraGaScale.GradientDescent, 0.25, new[] { 0.23465465f, 0.09029181f, 0.16768101f, 0.20295407f })]
    public void The_scales_are_what_hugging_face_computes(LoraGaScale scale, double factor, float[] firstColumn)
        => AssertFactors(new() { Scale = scale }, factor, [0.03642993f, 0.66746014f, 0.03337627f, 0.0550091f, 0.7409656f], firstColumn);

    [TestMethod]
    public void Drawn_directions_are_the_same_of_both_sides()
    {
        using var adapter = Started(new() { Direction = LoraGaDirection.Random, Scale = LoraGaScale.Unit }, 3);
        var factors = adapter.Adapters.OfType<Lora>().Single().Factors;

        // B·A of equal directions is a part of the gradient: what is left has the other two of its four singular values.
        var gradient = StartInputs.Rows(4, 5, 2);
        var rest = linalg.svd(gradient - factors.B.mm(factors.A).detach(), fullMatrices: false).S;
        Assert.IsLessThan(1e-4f, rest[2].item<float>());
        Assert.IsGreaterThan(1e-2f, rest[1].item<float>());
    }

    [TestMethod]
    public void What_is_measured_is_the_gradient_of_the_weight()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        var layers = golden.Model.Layers.OfType<LinearLayer>().Where(layer => layer.Path.EndsWith("query", StringComparison.Ordinal)).ToArray();
        var copies = layers.Select(layer => new TrainedCopy(layer, trained: true)).ToArray(); // a weight that is trained has the gradient itself
        var recorders = layers.Select(layer => new GradientRecorder(layer)).ToArray();
        Backward(golden, AdapterSet.Of("copies", null, copies, golden.Model.Layers.Count));
        Backward(golden, AdapterSet.Of("recorders", null, recorders, golden.Model.Layers.Count));

        Assert.HasCount(2, layers);
        for (var k = 0; k < layers.Length; k++)
        {
            var expected = copies[k].named_parameters().Single(p => p.name == "weight").parameter.grad!;
            Assert.IsGreaterThan(0f, expected.abs().max().item<float>());
            Golden.Close.Assert(expected, recorders[k].Sum!, layers[k].Path);
        }
    }

    [TestMethod]
    public void The_first_step_goes_along_the_gradient_more_than_from_the_usual_start()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        var usual = Alignment(golden, LoraStart.Default);
        var measured = Alignment(golden, LoraStart.LoraGa);

        for (var k = 0; k < usual.Length; k++)
        {
            Assert.IsGreaterThan(usual[k] + 0.1, measured[k], $"part {k}: cosine {measured[k]} against {usual[k]}");
        }
    }

    // Cosine between a step of plain descent on A and B, seen at the weight, and the descent of the weight itself.
    private static double[] Alignment(GoldenModel golden, LoraStart start)
    {
        var options = new LoraOptions { Rank = 2, Alpha = 2, Start = start };
        using var adapter = AdapterSet.Create("adapter", options, golden.Model.Backbone, new CopiedModules([], []), 3);
        AdapterStart.Measure(golden.Model, adapter, _ => Batch(golden));
        var parts = adapter.Adapters.OfType<Lora>().ToArray();
        var recorders = parts.Select(part => new GradientRecorder(part.Layer)).ToArray();
        Backward(golden, AdapterSet.Of("recorders", null, recorders, golden.Model.Layers.Count));
        Backward(golden, adapter);
        using var _ = no_grad();
        return [.. parts.Select((part, k) =>
        {
            var before = part.Delta();
            Golden.Close.Assert(zeros_like(before), before, "the model starts as it was", 1e-5);
            part.Factors.A.sub_(part.Factors.A.grad! * 1e-3);
            part.Factors.B.sub_(part.Factors.B.grad! * 1e-3);
            return (double)nn.functional.cosine_similarity((part.Delta() - before).view(1, -1), recorders[k].Sum!.neg().view(1, -1)).item<float>();
        })];
    }

    private static IEnumerable<CalibrationBatch> Batch(GoldenModel golden)
    {
        yield return new(golden.Inputs.Rows([0, 1]), new(golden.Targets.Labels!.narrow(0, 0, 2).clone()));
    }

    private static void Backward(GoldenModel golden, AdapterSet adapter)
    {
        using var context = ForwardContext.TrainingWith(0, adapter);
        golden.Model.Loss(golden.Inputs.Rows([0, 1]), new(golden.Targets.Labels!.narrow(0, 0, 2)), context).backward();
    }

    private static void AssertFactors(LoraGaOptions options, double factor, float[] firstRow, float[] firstColumn)
    {
        using var adapter = Started(options, 0);
        var lora = adapter.Adapters.OfType<Lora>().Single();

        Golden.Close.Assert(tensor(firstRow) * factor, lora.Factors.A[0].abs().detach(), "A", 1e-3);
        Golden.Close.Assert(tensor(firstColumn), lora.Factors.B.select(1, 0).abs().detach(), "B", 1e-3);
        Golden.Close.Assert(zeros(4, 5), lora.Delta().detach(), "the model starts as it was", 1e-5);
    }

    // One pass whose gradient of the weight is the formula's for 2.
    private static AdapterSet Started(LoraGaOptions options, long seed)
    {
        var adapter = StartInputs.Adapter(new() { Rank = 2, Alpha = 8, Start = LoraStart.LoraGa, LoraGa = options });
        using var calibration = adapter.CreateCalibration(seed)!;
        using var context = ForwardContext.Predicting();
        var recorder = (LinearAdapter)calibration.Recorders.Single();
        var output = recorder.Forward(eye(5), new LayerCall(recorder.Layer, [], context)); // Wᵀ
        (output * StartInputs.Rows(4, 5, 2).t()).sum().backward();
        calibration.AfterBatch();
        calibration.Finish();
        return adapter;
    }
}
