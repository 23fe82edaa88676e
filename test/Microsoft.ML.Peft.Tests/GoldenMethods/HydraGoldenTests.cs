using System.Text.Json;
using Microsoft.ML.Peft.Adapters;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class HydraGoldenTests : GoldenMethodTests
{
    private static readonly Dictionary<string, string> s_recorded = new(StringComparer.Ordinal)
    {
        ["A_p_bias"] = "a_p",
        ["B_p_bias"] = "b_p",
        ["A_s_bias"] = "a_s",
        ["B_s_bias"] = "b_s",
        ["scale_p"] = "s_p",
        ["scale_s"] = "s_s",
    };

    public static IEnumerable<object[]> Cases => MethodKinds.Cases("hydra", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name) => Check("hydra", name, golden =>
    {
        // A scale that is learnt is a word in the record.
        var learns = golden.Option("scaling").ValueKind == JsonValueKind.String;
        var options = golden.Settings<HydraOptions>(learns ? ["scaling"] : []) with { LearnsScale = learns };
        var layer = golden.Layer();
        var hydra = (Hydra)MethodCase.Parts(options, layer).Single();
        var named = Named(hydra).Select(p => (Recorded: s_recorded.GetValueOrDefault(p.Key, p.Key), Parameter: p.Value)).ToList();
        golden.Fill(named);

        golden.AssertForwardAndBackward(hydra.call);
        foreach (var (recorded, parameter) in named)
        {
            golden.AssertClose($"grad.{recorded}", parameter.grad);
        }

        golden.AssertCloseIfThere("merged.weight", () => hydra.Materialize(layer.Weight.Dense()));
        golden.AssertCloseIfThere("merged.bias", () => hydra.MaterializeBias(layer.Bias));
    });
}
