using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LilyGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodCase.Cases("lily");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_authors_code_computes_the_same(string name)
    {
        using var golden = MethodCase.Load("lily", name);
        if (golden.Has("base.fc1.weight"))
        {
            Branch(golden);
        }
        else if (golden.Has("base.layer0.v_proj.weight"))
        {
            Model(golden);
        }
        else
        {
            Layer(golden);
        }
    }

    private static void Layer(MethodCase golden)
    {
        var layer = golden.Layer();
        var lily = (Lily)MethodCase.Parts(Options(golden), layer).Single();
        var named = Named(lily);
        Fill(golden, named, "lily_");

        golden.AssertForwardAndBackward(lily.call);

        foreach (var tensor in (string[])["lily_A", "lily_B", "lily_router"])
        {
            Assert.AreEqual(golden.Has($"grad.{tensor}"), named[tensor].grad is not null, tensor);
            if (golden.Has($"grad.{tensor}"))
            {
                golden.AssertClose($"grad.{tensor}", named[tensor].grad);
            }
        }

        if (golden.Has("effective.weight"))
        {
            golden.AssertClose("effective.weight", lily.Materialize(layer.Weight.Dense()));
        }
    }

    // The branch beside a feed-forward part, which the test computes as the block would.
    private static void Branch(MethodCase golden)
    {
        var options = Options(golden) with { Function = null, Mlp = new() { Rank = golden.Int("r"), Function = golden.Text("non_linearity")! } };
        options.Validate();
        using var initialization = new Initialization(0);
        using var branch = options.Branch(0, "block.0.fc2", golden["input"].size(-1), new LilyPool(options, initialization), initialization);
        var named = Named(branch);
        Fill(golden, named, "lily_mlp_");
        var (rows, length) = (golden["input"].size(0), golden["input"].size(1));
        using var context = ForwardContext.Predicting();
        Tensor? delta = null;

        golden.AssertForwardAndBackward(x =>
        {
            var flat = x.reshape(rows * length, -1);
            var fed = linear(gelu(linear(flat, golden["base.fc1.weight"], golden["base.fc1.bias"])), golden["base.fc2.weight"], golden["base.fc2.bias"]);
            var y = branch.Forward(fed, new BlockState(Input: flat) { Rows = rows }, context);
            delta = (y - fed).div(options.Scaling).view(rows, length, -1);
            return y.view(rows, length, -1);
        });

        golden.AssertClose("delta", delta);
        foreach (var tensor in (string[])["A", "B", "router"])
        {
            golden.AssertClose($"grad.lily_{tensor}", named[$"lily_mlp_{tensor}"].grad);
        }
    }

    private static void Model(MethodCase golden)
    {
        string[] kinds = ["v_proj", "o_proj"];
        var count = golden.Int("num_layers");
        var layers = Enumerable.Range(0, count).SelectMany(_ => kinds, (k, kind) => (Block: k, Kind: kind))
            .Select((at, index) => golden.Layer($"layers.{at.Block}.{at.Kind}", $"base.layer{at.Block}.{at.Kind}.", index)).ToArray();
        var parts = MethodCase.Parts(Options(golden) with { TargetModules = kinds, Stride = golden.Int("stride_A") }, layers).Cast<Lily>().ToArray();
        var indices = kinds.ToDictionary(
            kind => kind, kind => golden.Options.GetProperty("lily_A_index_of_layer").GetProperty(kind).EnumerateArray().Select(g => g.GetInt32()).ToArray(), StringComparer.Ordinal);
        golden.AssertClose("base.output", Run(golden["input"], k => x => linear(x, layers[k].Weight.Dense())));
        golden.AssertClose("init.output", Run(golden["input"], k => parts[k].call));
        Assert.AreEqual(
            golden["trainable_count"].to(ScalarType.Int64).item<long>(),
            parts.SelectMany(p => p.parameters()).Distinct(ReferenceEqualityComparer.Instance).Cast<Tensor>().Sum(p => p.numel()));
        Each((name, parameter) => golden.Fill(parameter, $"param.{name}"));

        golden.AssertForwardAndBackward(x => Run(x, k => parts[k].call));

        Each((name, parameter) => golden.AssertClose($"grad.{name}", parameter.grad));

        Tensor Run(Tensor x, Func<int, Func<Tensor, Tensor>> layer)
            => Enumerable.Range(0, count).Aggregate(x, (h, k) => h + layer((2 * k) + 1)(layer(2 * k)(h)));

        void Each(Action<string, TorchSharp.Modules.Parameter> act)
        {
            for (var k = 0; k < parts.Length; k++)
            {
                var (block, kind, named) = (k / 2, kinds[k % 2], Named(parts[k]));
                act($"{kind}.lily_A.{indices[kind][block]}", named["lily_A"]);
                act($"{kind}.lily_B", named["lily_B"]);
                act($"layer{block}.{kind}.lily_router", named["lily_router"]);
            }
        }
    }

    private static LilyOptions Options(MethodCase golden) => new()
    {
        Rank = golden.Int("r"),
        Experts = golden.Int("num_B"),
        Scaling = golden.Number("scaling"),
        Routing = Enum.Parse<LilyRouting>(golden.Text("routing")!, ignoreCase: true),
        Function = golden.Text("non_linearity") is { } function and not "none" ? function : null,
    };

    private static void Fill(MethodCase golden, Dictionary<string, TorchSharp.Modules.Parameter> named, string prefix)
    {
        foreach (var tensor in (string[])["A", "B", "router"])
        {
            if (golden.Has($"param.lily_{tensor}"))
            {
                golden.Fill(named[prefix + tensor], $"param.lily_{tensor}");
            }
        }
    }
}
