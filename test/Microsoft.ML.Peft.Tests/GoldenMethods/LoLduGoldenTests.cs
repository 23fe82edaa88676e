using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LoLduGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodCase.Cases("loldu");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Factors_outputs_gradients_and_merged_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("loldu", name);
        var layer = golden.Layer();
        var kind = Enum.Parse<LoLduStart>(golden.Options.GetProperty("init").GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
        var adapter = (LoLdu)MethodCase.Parts(
            new LoLduOptions { Rank = golden.Int("r"), Alpha = golden.Number("loldu_alpha"), Start = kind, ResidualFromPivots = golden.Flag("residual_from_pivots") }, layer).Single();
        var z = Named(adapter)["vector_z"];
        var buffers = adapter.named_buffers().ToDictionary(b => b.name, b => b.buffer, StringComparer.Ordinal);
        golden.AssertClose("init.A", buffers["factor_A"]);
        golden.AssertClose("init.B", buffers["factor_B"]);
        if (!golden.Flag("residual_from_pivots"))
        {
            using var _ = no_grad();
            (Named(adapter).GetValueOrDefault("start_z") ?? buffers["start_z"]).copy_(golden["init.z"]); // drawn by the authors' generator
        }

        golden.Fill(z, "init.z");
        var start = golden.Flag("residual_from_pivots") ? buffers["start_z"] : golden["init.z"];
        Golden.Close.Assert(
            layer.Weight.Dense() - golden["init.W_res"],
            (buffers["factor_B"] * start).mm(buffers["factor_A"]) * (golden.Number("loldu_alpha") / golden.Int("r")),
            "W - init.W_res",
            golden.Tolerance);
        golden.AssertClose("init.output", adapter.call(golden["input"]));
        golden.Fill(z, "param.z");
        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.z", z.grad);
        golden.AssertClose("merged.weight", adapter.Materialize(layer.Weight.Dense()));
    }
}
