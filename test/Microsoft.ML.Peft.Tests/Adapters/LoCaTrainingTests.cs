using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The turns of LoCA, and its counts.</summary>
[TestClass]
public sealed class LoCaTrainingTests
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
    public void Turns_are_those_of_the_schedule_and_what_has_none_keeps_its_bits()
    {
        var options = new LoCaOptions { Frequencies = 5, LearnLocationSteps = 45, LocationLearningRate = 1e-2 };
        Assert.AreEqual(LoCaPhase.Locations, new LoCaOptions().PhaseAt(15, 200)); // a tenth: 20 steps
        Assert.AreEqual(LoCaPhase.Coefficients, new LoCaOptions().PhaseAt(20, 200));
        var adapter = (LoCa)MethodCase.Parts(options, Layer(6)).Single();
        using var set = AdapterSet.Of("x", options, [adapter], 1);
        using var training = options.CreateTraining(set);
        using var optimizer = new FlatAdamW(set.TrainedParameters(), weightDecay: 0.1) { HighestLearningRate = 0.1 };
        var (a, l, x, target, moved) = (adapter.get_parameter("loca_spectrum")!, adapter.get_parameter("loca_locations")!, randn(6, 6), randn(6, 6), new List<int>());
        for (var step = 0; step < 60; step++)
        {
            var (before, places) = (a.clone(), l.clone());
            training.BeforeForward(new(step, 60, 0.1));
            (adapter.call(x) - target).square().mean().backward();
            optimizer.Step(0.1, maxGradientNorm: 1, keepGradients: true);
            optimizer.Follow(set.TrainedParameters());
            Assert.AreNotEqual(before.bytes.SequenceEqual(a.bytes), places.bytes.SequenceEqual(l.bytes), $"step {step}: one of them moves");
            if (!places.bytes.SequenceEqual(l.bytes))
            {
                moved.Add(step);
            }
        }

        CollectionAssert.AreEqual(Enumerable.Range(10, 20).Concat(Enumerable.Range(40, 5)).ToArray(), moved.ToArray());
        training.Finish();
        Assert.AreEqual(LoCaPhase.Both, adapter.Phase);
    }

    [TestMethod]
    public void Counts_are_those_of_the_paper_and_layers_have_places_of_their_own()
    {
        var layers = Enumerable.Range(0, 24).Select(_ => Layer(768)).ToArray(); // RoBERTa-base, query and value
        var parts = MethodCase.Parts(new LoCaOptions { LearnLocationSteps = 0 }, layers);

        Assert.AreEqual(24_000, parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel()));
        Assert.AreEqual(72_000, MethodCase.Parts(new LoCaOptions(), layers).SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel()));
        Assert.IsFalse(((LoCa)parts[0]).Positions().bytes.SequenceEqual(((LoCa)parts[1]).Positions().bytes));
        Assert.AreEqual(766, ((LoCa)parts[0]).Positions().max().item<long>()); // 0.999·767
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MethodCase.Parts(new LoCaOptions { Frequencies = 37 }, Layer(6)));
    }

    [TestMethod]
    public void The_gradient_of_a_coefficient_is_that_of_its_place_and_places_have_none_before_coefficients_move()
    {
        var adapter = (LoCa)MethodCase.Parts(new LoCaOptions { Frequencies = 7, Scaling = 3 }, Layer(6)).Single();
        var (a, l, cotangent) = (adapter.get_parameter("loca_spectrum")!, adapter.get_parameter("loca_locations")!, randn(6, 6));
        using var transform = new CosineTransform();
        Loss().backward();
        Assert.AreEqual(0, l.grad!.abs().max().item<float>());
        var (waves, places) = (transform.Matrix(6, CPU), adapter.Positions());
        var z = waves.mm(cotangent.mul(3)).mm(waves.t());
        for (var k = 0; k < 7; k++)
        {
            Assert.AreEqual(z[places[0, k], places[1, k]].item<float>(), a.grad![k].item<float>(), 1e-5);
            Assert.AreEqual((Moved(k, 1) - Moved(k, -1)) / 2, a.grad![k].item<float>(), 1e-4);
        }

        Tensor Loss() => (adapter.Delta() * cotangent).sum();

        float Moved(int k, float by)
        {
            using var _ = no_grad();
            a.zero_()[k] = by;
            return Loss().item<float>();
        }
    }

    [TestMethod]
    [DataRow(1, 5)]
    [DataRow(6, 7)]
    [DataRow(13, 8)]
    public void The_transform_is_orthonormal_and_its_fast_form_the_same_on_odd_sides_too(int rows, int columns)
    {
        using var transform = new CosineTransform();
        var (c, d, x) = (transform.Matrix(rows, CPU), transform.Matrix(columns, CPU), randn(rows, columns));
        Golden.Close.Assert(eye(rows), c.mm(c.t()), "C·Cᵀ", 1e-5);
        Golden.Close.Assert(x, transform.Invert(c.mm(x).mm(d.t())), "there and back", 1e-5);
        Golden.Close.Assert(transform.Invert(x), CosineTransform.InvertFast(x), "fast", 1e-5);
    }

    [TestMethod]
    public void Coefficients_may_have_a_rate_of_their_own_beside_the_head()
    {
        var adapter = (LoCa)MethodCase.Parts(new LoCaOptions { Frequencies = 5, SpectrumLearningRate = 5e-3 }, Layer(96)).Single();
        Assert.AreEqual(5e-3, adapter.GroupOf("loca_spectrum").LearningRate);
        Assert.AreEqual(8e-4, adapter.GroupOf("loca_locations").LearningRate!.Value, 1e-12); // 768/96 times
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LoCaOptions { SpectrumLearningRate = 0 }.Validate());
        StringAssert.Contains(new LoCaOptions { Mode = LoCaMode.Fast }.ToJson(), "\"dct_mode\": \"fast\"");
    }

    private static LinearLayer Layer(long size) => new("block.0.query", 0, new DenseWeight(randn(size, size)), null);
}
