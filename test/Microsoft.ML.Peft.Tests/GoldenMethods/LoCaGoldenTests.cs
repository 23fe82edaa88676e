using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LoCaGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Schedules => MethodKinds.Cases("loca", MethodKinds.Schedule);

    public static IEnumerable<object[]> Runs => MethodKinds.Cases("loca", MethodKinds.Run);

    public static IEnumerable<object[]> Layers
        => from name in MethodKinds.Cases("loca", MethodKinds.Layer)
           from mode in Enum.GetValues<LoCaMode>()
           select new object[] { name[0], mode };

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Positions_outputs_gradients_and_merged_weights_are_the_authors(string name, LoCaMode mode) => Check("loca", name, golden =>
    {
        var layer = golden.Layer();
        var options = golden.Settings<LoCaOptions>() with { Mode = mode };
        var adapter = (LoCa)MethodCase.Parts(options, layer).Single();
        var (a, l) = (Named(adapter)["loca_spectrum"], Named(adapter)["loca_locations"]);
        golden.Fill([("a", a), ("l", l)]);

        golden.AssertClose("positions", adapter.Positions());
        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.a", a.grad);
        golden.AssertClose("grad.l", l.grad);
        foreach (var delta in (string[])["delta.weight", "delta.sparse"])
        {
            golden.AssertCloseIfThere(delta, adapter.Delta);
        }

        golden.AssertCloseIfThere("merged.weight", () => adapter.Materialize(layer.Weight.Dense()));
        using var transform = new CosineTransform();
        golden.AssertCloseIfThere("dct.M", () => transform.Matrix(layer.OutFeatures, CPU));
        golden.AssertCloseIfThere("dct.N", () => transform.Matrix(layer.InFeatures, CPU));
    });

    [TestMethod]
    [DynamicData(nameof(Schedules))]
    public void The_turns_are_the_authors(string name) => Check("loca", name, golden =>
    {
        var options = golden.Settings<LoCaOptions>();
        var steps = golden.Whole("train.a").Length;
        golden.AssertEqual("train.a", Enumerable.Range(0, steps).Select(step => options.PhaseAt(step, steps) == LoCaPhase.Coefficients ? 1L : 0));
        golden.AssertEqual("train.l", Enumerable.Range(0, steps).Select(step => options.PhaseAt(step, steps) == LoCaPhase.Locations ? 1L : 0));
    });

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void A_training_run_is_the_authors(string name) => Check("loca", name, golden =>
    {
        Assert.AreEqual("adamw", golden.Text("optimizer"));
        var options = golden.Settings<LoCaOptions>();
        var adapter = (LoCa)MethodCase.Parts(options, golden.Layer()).Single();
        using var set = AdapterSet.Of("x", options, [adapter], 1);
        var (a, l, target) = (Named(adapter)["loca_spectrum"], Named(adapter)["loca_locations"], golden["target"]);
        golden.Fill(a, "init.a");
        golden.Fill(l, "param.l");
        using var training = options.CreateTraining(set);
        var (first, second) = (new OptimizerGroup("a") { LearningRate = golden.Number("coef_lr") }, new OptimizerGroup("l") { LearningRate = golden.Number("location_lr") });
        using var optimizer = new FlatAdamW([(a, first), (l, second)], golden.Number("weight_decay")) { HighestLearningRate = 1 };
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
    });
}
