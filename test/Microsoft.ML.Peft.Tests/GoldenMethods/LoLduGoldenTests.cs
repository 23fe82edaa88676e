using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LoLduGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("loldu", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Factors_outputs_gradients_and_merged_weights_are_the_authors(string name) => Check("loldu", name, golden =>
    {
        var layer = golden.Layer();
        var options = golden.Settings<LoLduOptions>();
        var adapter = (LoLdu)MethodCase.Parts(options, layer).Single();
        var z = Named(adapter)["vector_z"];
        var buffers = adapter.named_buffers().ToDictionary(b => b.name, b => b.buffer, StringComparer.Ordinal);
        golden.AssertClose("init.A", buffers["factor_A"]);
        golden.AssertClose("init.B", buffers["factor_B"]);
        AssertFactors(golden, options.Rank);
        if (options.Start is LoLduStart.Lu or LoLduStart.Ones or LoLduStart.Zeros or LoLduStart.Constant)
        {
            golden.AssertClose("init.z", z); // the other starts are drawn
        }

        if (!options.ResidualFromPivots)
        {
            using var _ = no_grad();
            (Named(adapter).GetValueOrDefault("start_z") ?? buffers["start_z"]).copy_(golden["init.z"]); // drawn by the authors' generator
        }

        golden.Fill(z, "init.z");
        var start = options.ResidualFromPivots ? buffers["start_z"] : golden["init.z"];
        var taken = (buffers["factor_B"] * start).mm(buffers["factor_A"]) * (options.Alpha / options.Rank);
        Golden.Close.Assert(layer.Weight.Dense() - golden["init.W_res"], taken, "W - init.W_res", golden.Tolerance); // at full rank nothing but rounding is left of W_res
        golden.AssertClose("init.output", adapter.call(golden["input"]));
        golden.AssertCloseIfThere("base.output", () => nn.functional.linear(golden["input"], layer.Weight.Dense(), layer.Bias));
        golden.Fill(z, "param.z");
        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.z", z.grad);
        golden.AssertCloseIfThere("merged.weight", () => adapter.Materialize(layer.Weight.Dense()));
    });

    // That the recorded factors are those of the weight, and those of the adapter their first ones.
    private static void AssertFactors(MethodCase golden, int rank)
    {
        if (golden.Has("init.P"))
        {
            var lower = golden["init.P"].mm(golden["init.L"]);
            golden.AssertClose("base.weight", (lower * golden["init.D"]).mm(golden["init.U"]));
            golden.AssertClose("init.B", lower.narrow(1, 0, rank));
            golden.AssertClose("init.A", golden["init.U"].narrow(0, 0, rank));
        }
    }
}
