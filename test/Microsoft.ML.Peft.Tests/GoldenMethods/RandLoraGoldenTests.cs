using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class RandLoraGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("randlora", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name) => Check("randlora", name, golden =>
    {
        // The sizes of the shared matrices follow the widest sides of all targets; one layer stands for the others.
        var layer = golden.Layer();
        var shapes = golden.Option("target_shapes").EnumerateArray().Select(shape => (Out: shape[0].GetInt64(), In: shape[1].GetInt64())).ToList();
        var widest = new LinearLayer("block.1.query", 1, new DenseWeight(zeros(shapes.Max(shape => shape.Out), shapes.Max(shape => shape.In))), null);
        var parts = MethodCase.Parts(golden.Settings<RandLoraOptions>(), layer, widest);
        var shared = parts.OfType<SharedProjections>().Single();
        golden.Fill(shared.A, "param.A");
        golden.Fill(shared.B, "param.B");
        var adapter = parts.OfType<RandLora>().First();
        var named = Named(adapter);
        golden.AssertClose("init.lambda", named["randlora_lambda"]);
        golden.AssertClose("init.gamma", named["randlora_gamma"]);
        golden.Fill(named["randlora_lambda"], "param.lambda");
        golden.Fill(named["randlora_gamma"], "param.gamma");

        golden.AssertForwardAndBackward(adapter.call);

        golden.AssertClose("grad.lambda", named["randlora_lambda"].grad);
        golden.AssertClose("grad.gamma", named["randlora_gamma"].grad);
        golden.AssertClose("delta.weight", adapter.Delta());
        golden.AssertCloseIfThere("merged.weight", () => adapter.Materialize(layer.Weight.Dense()));
    });
}
