using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class ClipSvdGoldenTests : GoldenMethodTests
{
    private const string Trained = ".vector_S";

    public static IEnumerable<object[]> Selections => MethodKinds.Cases("clip-svd", MethodKinds.Selection);

    public static IEnumerable<object[]> Layers
        => from name in MethodKinds.Cases("clip-svd", MethodKinds.Layer)
           from factored in (bool[])[true, false]
           select new object[] { name[0], factored };

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Ranks_spectra_outputs_gradients_and_merged_weights_are_the_authors(string name, bool factored) => Check("clip-svd", name, golden =>
    {
        var layer = golden.Layer();
        var weight = layer.Weight.Dense();
        var options = golden.Settings<ClipSvdOptions>() with { Factored = factored };
        golden.AssertEqual("rank", [options.RankOf(layer.InFeatures, layer.OutFeatures)]);
        var adapter = (ClipSvd)MethodCase.Parts(options, layer).Single();
        var named = Named(adapter);
        var s = named["vector_S"];
        golden.AssertClose("init.s", s);
        golden.AssertClose("init.output", adapter.call(golden["input"]));
        golden.AssertCloseIfThere("base.output", () => nn.functional.linear(golden["input"], weight, layer.Bias));
        golden.Fill(s, "param.s");
        Golden.Close.Assert(golden["effective.weight"], adapter.Materialize(weight), "the weight of our own vectors", golden.Tolerance + Unsettled(weight));
        golden.Fill(named["factor_U"], "param.U");
        golden.Fill(named["factor_V"], "param.V");

        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.s", s.grad);
        golden.AssertClose("effective.weight", adapter.Materialize(weight));
        Assert.AreEqual(1, adapter.parameters().Count(p => p.requires_grad));
    });

    /// <summary>By how much the products of a column of U and its row of V may differ that two libraries find in Float32, relative to the weight: rounding turns
    /// the vectors of two values by its share of the largest value over the distance of the two. The vectors of the record are compared without it.</summary>
    internal static double Unsettled(Tensor weight)
    {
        var s = linalg.svdvals(weight.to(ScalarType.Float64));
        return s.numel() == 1 ? 0 : 8 * Math.ScaleB(1, -23) * (s[0] / (s[..^1] - s[1..]).min()).item<double>();
    }

    [TestMethod]
    [DynamicData(nameof(Selections))]
    public void The_trained_parameters_are_the_authors(string name) => Check("clip-svd", name, golden =>
    {
        var names = golden.Option("parameter_names").EnumerateArray().Select(n => n.GetString()!).ToArray();
        var runs = golden.Option("runs").EnumerateArray().ToArray();
        for (var run = 0; run < runs.Length; run++)
        {
            // The authors' names of the switches are those of our file.
            var fields = JsonNode.Parse(runs[run].GetRawText())!.AsObject();
            fields["peft_type"] = "CLIP_SVD";
            var options = (ClipSvdOptions)AdapterOptions.FromJson(fields.ToJsonString(), name);
            var expected = golden.Whole($"trainable.{run}");
            Assert.HasCount(names.Length, expected);
            for (var k = 0; k < names.Length; k++)
            {
                var trains = names[k].EndsWith(Trained, StringComparison.Ordinal) && ClipSvdLayers.Includes(options, names[k][..^Trained.Length]);
                Assert.AreEqual(expected[k] == 1, trains, $"{names[k]} in run {run}: {runs[run].GetRawText()}");
            }
        }

        Assert.AreEqual(runs.Length, golden.Names.Count(tensor => tensor.StartsWith("trainable.", StringComparison.Ordinal)));
    });
}
