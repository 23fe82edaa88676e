using System.Text.Json;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class ClipSvdGoldenTests : GoldenMethodTests
{
    private const string Trained = ".vector_S";

    public static IEnumerable<object[]> Selections => MethodCase.Cases("clip-svd", "selection");

    public static IEnumerable<object[]> Attentions => MethodCase.Cases("clip-svd", "attention");

    public static IEnumerable<object[]> Layers
        => from name in MethodCase.Cases("clip-svd").Select(c => (string)c[0])
           where !name.StartsWith("selection", StringComparison.Ordinal) && !name.StartsWith("attention", StringComparison.Ordinal)
           from factored in (bool[])[true, false]
           select new object[] { name, factored };

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Ranks_spectra_outputs_gradients_and_merged_weights_are_the_authors(string name, bool factored)
    {
        using var golden = MethodCase.Load("clip-svd", name);
        var layer = golden.Layer();
        var options = Options(golden) with { Factored = factored };
        Assert.AreEqual(golden["rank"].item<long>(), options.RankOf(layer.InFeatures, layer.OutFeatures));
        var adapter = (ClipSvd)MethodCase.Parts(options, layer).Single();
        var named = Named(adapter);
        golden.AssertClose("init.s", named["vector_S"]);
        golden.AssertClose("init.output", adapter.call(golden["input"]));
        golden.Fill(named["vector_S"], "param.s");

        golden.AssertForwardAndBackward(adapter.call);
        golden.AssertClose("grad.s", named["vector_S"].grad);
        golden.AssertClose("effective.weight", adapter.Materialize(layer.Weight.Dense()));
        Assert.AreEqual(1, adapter.parameters().Count(p => p.requires_grad));
    }

    [TestMethod]
    [DynamicData(nameof(Attentions))]
    public void Attention_split_into_its_projections_is_the_authors(string name)
    {
        using var golden = MethodCase.Load("clip-svd", name);
        var (length, batch, width, heads) = (golden["input"].size(0), golden["input"].size(1), golden.Int("embed_dim"), golden.Int("num_heads"));
        var parts = new[] { "q", "k", "v", "o" }.Select((part, k) =>
        {
            var (weight, bias) = part == "o"
                ? (golden["base.out_proj.weight"], golden["base.out_proj.bias"])
                : (golden["base.in_proj_weight"].narrow(0, k * width, width), golden["base.in_proj_bias"].narrow(0, k * width, width));
            var layer = new LinearLayer($"{part}_proj", k, new DenseWeight(weight.clone()), bias.clone());
            return (Name: part, Adapter: (ClipSvd)MethodCase.Parts(Options(golden), layer).Single());
        }).ToDictionary(p => p.Name, p => p.Adapter);
        using var context = ForwardContext.Predicting();
        var mask = golden.Flag("causal") ? Attention.CausalMask(null, batch, length, heads, CPU) : null;

        golden.AssertClose("init.output", Attend(golden["input"]));
        golden.AssertClose("base.output", Attend(golden["input"]));
        foreach (var (part, adapter) in parts)
        {
            golden.AssertClose($"init.s_{part}", Named(adapter)["vector_S"]);
            golden.Fill(Named(adapter)["vector_S"], $"param.s_{part}");
        }

        golden.AssertForwardAndBackward(Attend);
        foreach (var (part, adapter) in parts)
        {
            golden.AssertClose($"grad.s_{part}", Named(adapter)["vector_S"].grad);
        }

        // (length, batch, width), as the authors have it.
        Tensor Attend(Tensor x)
        {
            var rows = x.transpose(0, 1).reshape(batch * length, width);
            var attended = Attention.Forward(
                parts["q"].call(rows), parts["k"].call(rows), parts["v"].call(rows), new AttentionShape(batch, length, length, heads, width / heads), mask, 0, context);
            return parts["o"].call(attended).view(batch, length, width).transpose(0, 1);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Selections))]
    public void The_trained_parameters_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("clip-svd", name);
        var names = golden.Options.GetProperty("parameter_names").EnumerateArray().Select(n => n.GetString()!).ToArray();
        var run = 0;
        foreach (var settings in golden.Options.GetProperty("runs").EnumerateArray())
        {
            // The authors' names of the switches are those of our file.
            var options = (ClipSvdOptions)AdapterOptions.FromJson("{\"peft_type\": \"CLIP_SVD\"" + settings.GetRawText().Trim('{', '}').Insert(0, settings.EnumerateObject().Any() ? ", " : "") + "}", name);
            var expected = golden[$"trainable.{run}"].to(ScalarType.Int64).data<long>().ToArray();
            for (var k = 0; k < names.Length; k++)
            {
                var trains = names[k].EndsWith(Trained, StringComparison.Ordinal) && ClipSvdLayers.Includes(options, names[k][..^Trained.Length]);
                Assert.AreEqual(expected[k] == 1, trains, $"{names[k]} in run {run}: {settings.GetRawText()}");
            }

            run++;
        }
    }

    private static ClipSvdOptions Options(MethodCase golden) => new()
    {
        RankRatio = golden.Number("rank_ratio"),
        RankBase = golden.Options.TryGetProperty("rank_base", out JsonElement rank) ? rank.GetInt32() : 4,
    };
}
