using System.Text.Json;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LlmAdaptersGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodCase.Cases("llm-adapters");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("llm-adapters", name);
        var kind = golden.Options.TryGetProperty("adapter_name", out var adapter) ? adapter.GetString() : "bottleneck";
        switch (kind)
        {
            case "lora":
                Lora(golden);
                break;
            case "prefix-tuning":
                Prefix(golden);
                break;
            default:
                Network(golden);
                break;
        }
    }

    private static void Network(MethodCase golden)
    {
        var scaling = golden.Options.GetProperty("scaling");
        var learns = scaling.ValueKind == JsonValueKind.String;
        var options = new LinearBottleneckOptions
        {
            Placement = Enum.Parse<BottleneckPlacement>(golden.Options.GetProperty("placement").GetString()!),
            Width = golden.Int("bottleneck_size"),
            Activation = golden.Options.GetProperty("non_linearity").GetString()!,
            Dropout = golden.Number("adapter_dropout"),
            LearnsScale = learns,
            Scale = learns ? 1 : scaling.GetDouble(),
        };
        var layer = golden.Layer("block.0." + golden.Options.GetProperty("target").GetString());
        var part = MethodCase.Parts(options, layer).Single();
        Compare(golden, part, layer, ("adapter_down.weight", "down"), ("adapter_up.weight", "up"), ("adapter_scaling", "scaling"));
        Assert.AreEqual(options.Placement, ((LinearBottleneck)MethodCase.Parts(options with { Placement = BottleneckPlacement.Auto }, layer).Single()).Place);
    }

    private static void Lora(MethodCase golden)
    {
        var layer = golden.Layer();
        var options = new LoraOptions { Rank = golden.Int("lora_r"), Alpha = golden.Number("lora_alpha"), Dropout = golden.Number("lora_dropout") };
        Compare(golden, MethodCase.Parts(options, layer).Single(), layer, ("lora_A", "lora_A"), ("lora_B", "lora_B"));
    }

    private static void Compare(MethodCase golden, Adapter part, LinearLayer layer, params (string Ours, string Recorded)[] names)
    {
        var named = Named(part);
        names = [.. names.Where(n => named.ContainsKey(n.Ours))];
        Assert.HasCount(golden.Names.Count(n => n.StartsWith("param.", StringComparison.Ordinal)), names);
        foreach (var (ours, recorded) in names)
        {
            golden.Fill(named[ours], $"param.{recorded}");
        }

        var linear = (LinearAdapter)part;
        golden.AssertForwardAndBackward(linear.call);
        foreach (var (ours, recorded) in names)
        {
            golden.AssertClose($"grad.{recorded}", named[ours].grad);
        }

        if (golden.Has("disabled.output"))
        {
            using var context = ForwardContext.Predicting();
            golden.AssertClose("disabled.output", layer.Forward(golden["input"], context));
        }

        if (golden.Has("merged.weight"))
        {
            golden.AssertClose("merged.weight", linear.Materialize(layer.Weight.Dense()));
        }
    }

    private static void Prefix(MethodCase golden)
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
        foreach (var (parameter, recorded) in pairs)
        {
            golden.Fill(parameter, $"param.{recorded}");
        }

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
        foreach (var (parameter, recorded) in pairs)
        {
            golden.AssertClose($"grad.{recorded}", parameter.grad);
        }
    }

    // The layers of the projection go by their shapes, and by their names where two shapes are the same.
    private static List<(Parameter Parameter, string Recorded)> Pairs(MethodCase golden, Dictionary<string, Parameter> named)
    {
        var recorded = golden.Names.Where(n => n.StartsWith("param.", StringComparison.Ordinal)).Select(n => n["param.".Length..])
            .OrderBy(n => Shape(golden[$"param.{n}"])).ThenBy(n => n, StringComparer.Ordinal).ToList();
        Assert.HasCount(named.Count, recorded);
        return [.. named.OrderBy(p => Shape(p.Value)).ThenBy(p => p.Key, StringComparer.Ordinal).Select((p, k) => (p.Value, recorded[k]))];

        static string Shape(Tensor tensor) => string.Join('×', tensor.shape);
    }
}
