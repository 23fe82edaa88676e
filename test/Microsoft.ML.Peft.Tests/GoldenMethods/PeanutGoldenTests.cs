using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class PeanutGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodCase.Cases("neat");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("neat", name);
        var layer = golden.Layer();
        var options = new PeanutOptions
        {
            Rank = golden.Int("r"),
            Depth = golden.Int("depth"),
            Function = golden.Text("act_fn")!,
            Scaling = golden.Number("scaling"),
            Side = Enum.Parse<PeanutSide>(golden.Text("side")!, ignoreCase: true),
        };
        foreach (var materializes in (bool[])[false, true])
        {
            var peanut = (Peanut)MethodCase.Parts(options with { Materializes = materializes }, layer).Single();
            var named = Named(peanut).ToDictionary(p => Recorded(p.Key), p => p.Value);
            Assert.HasCount(golden.Names.Count(n => n.StartsWith("param.", StringComparison.Ordinal)), named);
            foreach (var (recorded, parameter) in named)
            {
                golden.Fill(parameter, $"param.{recorded}");
            }

            golden.AssertForwardAndBackward(peanut.call);

            foreach (var (recorded, parameter) in named)
            {
                golden.AssertClose($"grad.{recorded}", parameter.grad);
            }

            golden.AssertClose("delta.weight", peanut.Delta());
            golden.AssertClose("merged.weight", peanut.Materialize(layer.Weight.Dense()));
            using (new MergedWeights([peanut]))
            {
                golden.AssertClose("merged.weight", layer.Weight.Dense());
                golden.AssertClose("delta.weight", peanut.Delta()); // of the weight before the merge
            }
        }
    }

    // peanut_A and peanut_encoders-0 are A and E0.
    private static string Recorded(string name) => name.Replace("peanut_", "", StringComparison.Ordinal)
        .Replace("encoders-", "E", StringComparison.Ordinal).Replace("decoders-", "D", StringComparison.Ordinal);
}
