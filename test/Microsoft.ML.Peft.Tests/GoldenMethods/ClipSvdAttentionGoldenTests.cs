using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class ClipSvdAttentionGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("clip-svd", MethodKinds.Attention);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Attention_split_into_its_projections_is_the_authors(string name) => Check("clip-svd", name, golden =>
    {
        var parts = new[] { "q", "k", "v", "o" }.Select((part, k) => (Name: part, Layer: Layer(golden, part, k)))
            .ToDictionary(p => p.Name, p => (p.Layer, Adapter: (ClipSvd)MethodCase.Parts(golden.Settings<ClipSvdOptions>(), p.Layer).Single()));

        golden.AssertClose("init.output", Attend(golden, golden["input"], part => parts[part].Adapter.call));
        golden.AssertClose("base.output", Attend(golden, golden["input"], part => x =>
        {
            var layer = parts[part].Layer;
            return nn.functional.linear(x, layer.Weight.Dense(), layer.Bias);
        }));
        foreach (var (part, (layer, adapter)) in parts)
        {
            var (named, weight) = (Named(adapter), layer.Weight.Dense());
            golden.AssertClose($"init.s_{part}", named["vector_S"]);
            golden.Fill(named["vector_S"], $"param.s_{part}");
            var recorded = (golden[$"param.U_{part}"] * golden[$"param.s_{part}"]).mm(golden[$"param.V_{part}"]);
            var tolerance = golden.Tolerance + ClipSvdGoldenTests.Unsettled(weight);
            Golden.Close.Assert(recorded, adapter.Materialize(weight), $"the weight of our own vectors of '{part}'", tolerance);
            golden.Fill(named["factor_U"], $"param.U_{part}");
            golden.Fill(named["factor_V"], $"param.V_{part}");
        }

        golden.AssertForwardAndBackward(x => Attend(golden, x, part => parts[part].Adapter.call));
        foreach (var (part, (_, adapter)) in parts)
        {
            golden.AssertClose($"grad.s_{part}", Named(adapter)["vector_S"].grad);
        }
    });

    private static LinearLayer Layer(MethodCase golden, string part, int index)
    {
        var width = golden.Int("embed_dim");
        var (weight, bias) = part == "o" ? Of("base.out_proj.weight", "base.out_proj.bias") : Of("base.in_proj_weight", "base.in_proj_bias");
        return part == "o"
            ? new($"{part}_proj", index, new DenseWeight(weight), bias)
            : new($"{part}_proj", index, new DenseWeight(weight.narrow(0, index * width, width).clone()), bias?.narrow(0, index * width, width).clone());

        (Tensor, Tensor?) Of(string first, string second) => (golden[first].clone(), golden.Has(second) ? golden[second].clone() : null);
    }

    // (length, batch, width), as the authors have it.
    private static Tensor Attend(MethodCase golden, Tensor x, Func<string, Func<Tensor, Tensor>> projection)
    {
        var (length, batch, width, heads) = (x.size(0), x.size(1), golden.Int("embed_dim"), golden.Int("num_heads"));
        using var context = ForwardContext.Predicting();
        var mask = golden.Flag("causal") ? Attention.CausalMask(null, batch, length, heads, CPU) : null;
        var rows = x.transpose(0, 1).reshape(batch * length, width);
        var shape = new AttentionShape(batch, length, length, heads, width / heads);
        var attended = Attention.Forward(projection("q")(rows), projection("k")(rows), projection("v")(rows), shape, mask, 0, context);
        return projection("o")(attended).view(batch, length, width).transpose(0, 1);
    }
}
