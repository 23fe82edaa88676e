using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class DiffuseKronaGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("diffusekrona", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_update_are_the_authors(string name) => Check("diffusekrona", name, golden =>
    {
        var options = golden.Settings<DiffuseKronaOptions>();
        var layer = golden.Layer();
        var adapter = (DiffuseKrona)MethodCase.Parts(options, layer).Single();
        var named = Named(adapter);
        golden.Fill([("A", named["krona_A"]), ("B", named["krona_B"])]);

        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.A", named["krona_A"].grad);
        golden.AssertClose("grad.B", named["krona_B"].grad);

        var unscaled = adapter.Delta() / options.Scaling;
        golden.AssertCloseIfThere("delta.weight", () => unscaled);
        golden.AssertCloseIfThere("adapter.output", () => nn.functional.linear(golden["input"], unscaled));
        golden.AssertCloseIfThere("kron", () => kron(adapter.A, adapter.B));
        golden.AssertCloseIfThere("merged.weight", () => adapter.Materialize(layer.Weight.Dense()));
    });
}
