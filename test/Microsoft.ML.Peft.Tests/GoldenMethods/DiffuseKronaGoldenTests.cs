using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class DiffuseKronaGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodCase.Cases("diffusekrona");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_update_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("diffusekrona", name);
        var options = new DiffuseKronaOptions
        {
            A1 = golden.Int("a1"),
            A2 = golden.Int("a2"),
            Scaling = golden.Number("scaling"),
            Layout = Enum.Parse<KronaLayout>(golden.Options.GetProperty("output_layout").GetString()!, ignoreCase: true),
        };
        var layer = golden.Layer();
        var adapter = (DiffuseKrona)MethodCase.Parts(options, layer).Single();
        var named = Named(adapter);
        golden.Fill(named["krona_A"], "param.A");
        golden.Fill(named["krona_B"], "param.B");
        CollectionAssert.AreEqual(new long[] { golden.Int("b1"), golden.Int("b2") }, adapter.B.shape);

        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.A", named["krona_A"].grad);
        golden.AssertClose("grad.B", named["krona_B"].grad);

        var unscaled = adapter.Delta() / options.Scaling;
        golden.AssertClose("delta.weight", unscaled);
        golden.AssertClose("adapter.output", nn.functional.linear(golden["input"], unscaled));
        golden.AssertClose("kron", kron(adapter.A, adapter.B));
        if (golden.Has("merged.weight"))
        {
            golden.AssertClose("merged.weight", adapter.Materialize(layer.Weight.Dense()));
        }
    }
}
