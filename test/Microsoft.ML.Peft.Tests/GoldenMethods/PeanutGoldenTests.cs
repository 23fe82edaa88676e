using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class PeanutGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("neat", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name) => Check("neat", name, golden =>
    {
        var layer = golden.Layer();
        foreach (var materializes in (bool[])[false, true])
        {
            var peanut = (Peanut)MethodCase.Parts(golden.Settings<PeanutOptions>() with { Materializes = materializes }, layer).Single();
            var named = Named(peanut).Select(p => (Recorded: Recorded(p.Key), Parameter: p.Value)).ToList();
            golden.Fill(named);

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
    });

    // peanut_A and peanut_encoders-0 are A and E0.
    private static string Recorded(string name) => name.Replace("peanut_", "", StringComparison.Ordinal)
        .Replace("encoders-", "E", StringComparison.Ordinal).Replace("decoders-", "D", StringComparison.Ordinal);
}
