using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LlmAdaptersPrefixGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("llm-adapters", MethodKinds.Prefix);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Keys_values_and_gradients_are_the_authors(string name) => Check("llm-adapters", name, golden =>
    {
        var (layers, heads, width, count) = (golden.Int("num_layers"), golden.Int("num_heads"), golden.Int("token_dim"), golden.Int("num_virtual_tokens"));
        var batch = golden.Int("batch");
        var projects = golden.Flag("prefix_projection");
        var options = new PrefixTuningOptions
        {
            VirtualTokens = count,
            Layers = layers,
            Heads = heads,
            TokenWidth = width,
            Projects = projects,
            HiddenSize = projects ? golden.Int("encoder_hidden_size") : width,
        };
        var part = (PrefixTuning)MethodCase.Parts(options).Single();
        var pairs = Pairs(golden, Named(part));
        golden.Fill(pairs);

        using var context = ForwardContext.Predicting();
        var states = new PrefixStates(part.Table(context), count);
        var shape = new AttentionShape(batch, 1, count + 1, heads, width / heads) { KeyHeads = heads };
        var loss = zeros(1);
        for (var k = 0; k < layers; k++)
        {
            var (key, value) = states.ByHead(k, shape, ScalarType.Float32);
            (key, value) = (key.view(batch, heads, count, -1), value.view(batch, heads, count, -1));
            golden.AssertClose($"layer{k}.key", key);
            golden.AssertClose($"layer{k}.value", value);
            loss += (stack([key, value]) * golden[$"layer{k}.cotangent"]).sum();
        }

        loss.backward();
        foreach (var (recorded, parameter) in pairs)
        {
            golden.AssertClose($"grad.{recorded}", parameter.grad);
        }
    });

    // The record may call the layers of the projection by their places in a sequence, 0 and 2, or by other words; both are in the order of the computation.
    private static List<(string Recorded, Parameter Parameter)> Pairs(MethodCase golden, Dictionary<string, Parameter> named)
    {
        var recorded = golden.Names.Where(n => n.StartsWith("param.", StringComparison.Ordinal)).Select(n => n["param.".Length..])
            .OrderBy(n => Shape(golden[$"param.{n}"])).ThenBy(n => n, StringComparer.Ordinal).ToList();
        Assert.HasCount(named.Count, recorded);
        return [.. named.OrderBy(p => Shape(p.Value)).ThenBy(p => p.Key, StringComparer.Ordinal).Select((p, k) => (recorded[k], p.Value))];

        static string Shape(Tensor tensor) => string.Join('×', tensor.shape);
    }
}
