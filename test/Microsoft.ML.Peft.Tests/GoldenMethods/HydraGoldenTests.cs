using System.Text.Json;
using Microsoft.ML.Peft.Adapters;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class HydraGoldenTests : GoldenMethodTests
{
    private static readonly (string Recorded, string Ours)[] s_names =
    [
        ("A_p", "A_p"), ("B_p", "B_p"), ("a_p", "A_p_bias"), ("b_p", "B_p_bias"), ("A_s", "A_s"), ("B_s", "B_s"), ("a_s", "A_s_bias"), ("b_s", "B_s_bias"),
        ("s_p", "scale_p"), ("s_s", "scale_s"),
    ];

    public static IEnumerable<object[]> Cases => MethodCase.Cases("hydra");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("hydra", name);
        var learns = golden.Options.GetProperty("scaling").ValueKind == JsonValueKind.String;
        var options = new HydraOptions
        {
            ParallelRank = golden.Int("r_parallel"),
            SequentialRank = golden.Int("r_sequential"),
            UseBias = golden.Flag("use_bias"),
            LearnsScale = learns,
            Scaling = learns ? 1 : golden.Number("scaling"),
        };
        var layer = golden.Layer();
        var hydra = (Hydra)MethodCase.Parts(options, layer).Single();
        var named = Named(hydra);
        foreach (var (recorded, ours) in s_names.Where(n => named.ContainsKey(n.Ours)))
        {
            golden.Fill(named[ours], $"param.{recorded}");
        }

        golden.AssertForwardAndBackward(hydra.call);
        foreach (var (recorded, ours) in s_names.Where(n => named.ContainsKey(n.Ours) && golden.Has($"grad.{n.Recorded}")))
        {
            golden.AssertClose($"grad.{recorded}", named[ours].grad);
        }

        if (golden.Has("merged.weight"))
        {
            golden.AssertClose("merged.weight", hydra.Materialize(layer.Weight.Dense()));
            golden.AssertClose("merged.bias", hydra.MaterializeBias(layer.Bias));
        }
    }
}
