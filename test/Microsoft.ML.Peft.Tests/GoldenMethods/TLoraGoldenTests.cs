using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Heads;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class TLoraGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Losses => MethodKinds.Cases("tlora", MethodKinds.Loss);

    public static IEnumerable<object[]> Layers
        => from name in MethodKinds.Cases("tlora", MethodKinds.Layer)
           from dense in (bool[])[false, true]
           select new object[] { name[0], dense };

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Starts_outputs_gradients_and_merged_weights_are_the_authors(string name, bool dense) => Check("tlora", name, golden =>
    {
        var layer = golden.Layer();
        var adapter = (TLora)MethodCase.Parts(golden.Settings<TLoraOptions>() with { DenseTransform = dense }, layer).Single();
        var named = Named(adapter).Select(p => (Recorded: Recorded(p.Key), Parameter: p.Value)).ToList();
        golden.AssertClose("init.output", adapter.call(golden["input"]));
        golden.AssertCloseIfThere("base.output", () => nn.functional.linear(golden["input"], layer.Weight.Dense(), layer.Bias));
        foreach (var (recorded, parameter) in named)
        {
            golden.AssertCloseIfThere($"init.{recorded}", () => parameter);
        }

        golden.Fill(named);
        golden.AssertForwardAndBackward(adapter.call);
        foreach (var (recorded, parameter) in named)
        {
            golden.AssertClose($"grad.{recorded}", parameter.grad);
        }

        golden.AssertClose("effective.weight", adapter.Materialize(layer.Weight.Dense()));
        golden.AssertCloseIfThere("transform", () => adapter.Factors.Transform());
    });

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void The_preference_loss_is_the_authors(string name) => Check("tlora", name, golden =>
    {
        for (var step = 0; golden.Has($"step{step}.loss"); step++)
        {
            var prediction = golden[$"step{step}.prediction"].clone().requires_grad_(true);
            var weights = golden.Flag("sample_weights") ? golden[golden.Names.Single(IsWeights)] : null;
            var loss = DirectConsistencyLoss.Of(prediction, golden[$"step{step}.reference"], golden[$"step{step}.target"], golden.Number("dco_beta"), weights);
            golden.AssertClose($"step{step}.loss", loss);
            loss.backward();
            golden.AssertClose($"step{step}.grad.prediction", prediction.grad);

            bool IsWeights(string tensor) => tensor.StartsWith($"step{step}.", StringComparison.Ordinal) && tensor.Contains("weight", StringComparison.Ordinal);
        }
    });

    // A1 is transform_1, P1 out_core_1, Q1 in_core_1, G1 core_1.
    private static string Recorded(string ours)
    {
        var place = ours[(ours.LastIndexOf('_') + 1)..];
        return ours.StartsWith("transform", StringComparison.Ordinal) ? "A" + place
            : ours.StartsWith("out_core", StringComparison.Ordinal) ? "P" + place
            : ours.StartsWith("in_core", StringComparison.Ordinal) ? "Q" + place
            : ours.StartsWith("core", StringComparison.Ordinal) ? "G" + place
            : ours;
    }
}
