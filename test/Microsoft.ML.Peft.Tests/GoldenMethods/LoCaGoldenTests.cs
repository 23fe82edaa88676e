using System.Text.Json;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LoCaGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Schedules => MethodCase.Cases("loca", "schedule");

    public static IEnumerable<object[]> Runs => MethodCase.Cases("loca", "train");

    public static IEnumerable<object[]> Layers
        => from name in MethodCase.Cases("loca").Except(Schedules.Concat(Runs), Names)
           from mode in Enum.GetValues<LoCaMode>()
           select new object[] { name[0], mode };

    private static IEqualityComparer<object[]> Names { get; } = EqualityComparer<object[]>.Create((a, b) => Equals(a?[0], b?[0]), a => a[0].GetHashCode());

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Positions_outputs_gradients_and_merged_weights_are_the_authors(string name, LoCaMode mode)
    {
        using var golden = MethodCase.Load("loca", name);
        var layer = golden.Layer();
        var adapter = (LoCa)MethodCase.Parts(Options(golden) with { Scaling = golden.Number("scaling"), Mode = mode }, layer).Single();
        var named = Named(adapter);
        golden.Fill(named["loca_spectrum"], "param.a");
        golden.Fill(named["loca_locations"], "param.l");

        golden.AssertClose("positions", adapter.Positions());
        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.a", named["loca_spectrum"].grad);
        golden.AssertClose("grad.l", named["loca_locations"].grad);
        golden.AssertClose("delta.weight", adapter.Delta());
        golden.AssertClose("merged.weight", adapter.Materialize(layer.Weight.Dense()));
        using var transform = new CosineTransform();
        golden.AssertClose("dct.M", transform.Matrix(layer.OutFeatures, CPU));
        golden.AssertClose("dct.N", transform.Matrix(layer.InFeatures, CPU));
    }

    [TestMethod]
    [DynamicData(nameof(Schedules))]
    public void The_turns_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("loca", name);
        var (options, a, l) = (Options(golden), golden["train.a"].to(ScalarType.Int64), golden["train.l"].to(ScalarType.Int64));
        for (var step = 0; step < a.size(0); step++)
        {
            Assert.AreEqual(a[step].item<long>() == 1, options.PhaseAt(step, 1000) == LoCaPhase.Coefficients, $"coefficients in step {step}");
            Assert.AreEqual(l[step].item<long>() == 1, options.PhaseAt(step, 1000) == LoCaPhase.Locations, $"locations in step {step}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void A_training_run_is_the_authors(string name)
    {
        using var golden = MethodCase.Load("loca", name);
        var options = Options(golden) with { Scaling = golden.Number("scaling") };
        var adapter = (LoCa)MethodCase.Parts(options, golden.Layer()).Single();
        using var set = AdapterSet.Of("x", options, [adapter], 1);
        var (a, l, target) = (Named(adapter)["loca_spectrum"], Named(adapter)["loca_locations"], golden["target"]);
        golden.Fill(a, "init.a");
        golden.Fill(l, "param.l");
        using var training = options.CreateTraining(set);
        (Parameter, OptimizerGroup)[] trained = [(a, new("a") { LearningRate = golden.Number("coef_lr") }), (l, new("l") { LearningRate = golden.Number("location_lr") })];
        using var optimizer = new FlatAdamW(trained, golden.Number("weight_decay")) { HighestLearningRate = 1 };
        var steps = (int)golden["trace.loss"].size(0);
        var (losses, spectra, locations, positions) = (new List<float>(), new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        for (var step = 0; step < steps; step++)
        {
            positions.Add(adapter.Positions());
            training.BeforeForward(new(step, steps, 1));
            var loss = (adapter.call(golden["input"]) - target).square().mean();
            losses.Add(loss.item<float>());
            loss.backward();
            optimizer.Step(1, maxGradientNorm: 0);
            spectra.Add(a.detach().clone());
            locations.Add(l.detach().clone());
        }

        golden.AssertClose("trace.loss", tensor(losses.ToArray()));
        golden.AssertClose("trace.a", stack(spectra));
        golden.AssertClose("trace.l", stack(locations));
        golden.AssertClose("trace.pos", stack(positions));
        golden.AssertClose("output", adapter.call(golden["input"]));
    }

    private static LoCaOptions Options(MethodCase golden)
    {
        var options = new LoCaOptions();
        return options with
        {
            Frequencies = Number("n_frequency", options.Frequencies),
            LearnLocationSteps = Number("learn_location_iter", 1),
            CoefficientSteps = (int)Number("coef_steps", options.CoefficientSteps),
            LocationSteps = (int)Number("loc_steps", options.LocationSteps),
        };

        long Number(string name, long otherwise) => golden.Options.TryGetProperty(name, out JsonElement value) ? value.GetInt64() : otherwise;
    }
}
