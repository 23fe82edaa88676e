using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LilyModelGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("lily", MethodKinds.Model);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Sharing_outputs_and_gradients_of_a_model_are_the_authors(string name) => Check("lily", name, golden =>
    {
        var indices = golden.Option("lily_A_index_of_layer");
        string[] kinds = [.. indices.EnumerateObject().Select(kind => kind.Name)];
        var count = golden.Int("num_layers");
        LinearLayer[] layers = [.. Enumerable.Range(0, count * kinds.Length).Select(k => (Block: k / kinds.Length, Kind: kinds[k % kinds.Length], Index: k))
            .Select(at => golden.Layer($"layers.{at.Block}.{at.Kind}", $"base.layer{at.Block}.{at.Kind}.", at.Index))];
        var options = LilyGoldenTests.OptionsOf(golden) with { TargetModules = kinds };
        Lily[] parts = [.. MethodCase.Parts(options, layers).Cast<Lily>()];
        golden.AssertClose("base.output", Run(golden["input"], k => x => linear(x, layers[k].Weight.Dense(), layers[k].Bias)));
        golden.AssertClose("init.output", Run(golden["input"], k => parts[k].call));
        var trained = parts.SelectMany(Recorded).Select(p => p.Parameter).Distinct(ReferenceEqualityComparer.Instance).Cast<Tensor>();
        golden.AssertEqual("trainable_count", [trained.Sum(p => p.numel())]);
        golden.Fill(parts.SelectMany(Recorded).DistinctBy(p => p.Recorded));

        golden.AssertForwardAndBackward(x => Run(x, k => parts[k].call));

        foreach (var (recorded, parameter) in parts.SelectMany(Recorded))
        {
            golden.AssertClose($"grad.{recorded}", parameter.grad);
        }

        // Each block adds what its layers give one after the other.
        Tensor Run(Tensor x, Func<int, Func<Tensor, Tensor>> layer)
        {
            return Enumerable.Range(0, count).Aggregate(x, (h, block) => h + Inner(h, block));

            Tensor Inner(Tensor h, int block) => Enumerable.Range(block * kinds.Length, kinds.Length).Aggregate(h, (inner, k) => layer(k)(inner));
        }

        IEnumerable<(string Recorded, Parameter Parameter)> Recorded(Lily part)
        {
            var (k, named) = (Array.IndexOf(parts, part), Named(part));
            var (block, kind) = (k / kinds.Length, kinds[k % kinds.Length]);
            yield return ($"{kind}.lily_A.{indices.GetProperty(kind)[block].GetInt32()}", named["lily_A"]);
            yield return ($"{kind}.lily_B", named["lily_B"]);
            if (options.Routing != LilyRouting.None)
            {
                yield return ($"layer{block}.{kind}.lily_router", named["lily_router"]);
            }
        }
    });
}
