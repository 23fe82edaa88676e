using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class LilyGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Layers => MethodKinds.Cases("lily", MethodKinds.Layer);

    public static IEnumerable<object[]> Branches => MethodKinds.Cases("lily", MethodKinds.Branch);

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Outputs_gradients_and_weights_of_a_layer_are_the_authors(string name) => Check("lily", name, golden =>
    {
        var layer = golden.Layer();
        var options = OptionsOf(golden);
        var lily = (Lily)MethodCase.Parts(options, layer).Single();
        var named = Recorded(lily, "lily_", options.Routing);
        golden.Fill(named);

        golden.AssertForwardAndBackward(lily.call);

        AssertGradients(golden, named);
        AssertRouting(golden, golden["input"], named, options);
        golden.AssertCloseIfThere("effective.weight", () => lily.Materialize(layer.Weight.Dense()));
    });

    // The branch beside a feed-forward part, which the test computes as the block would.
    [TestMethod]
    [DynamicData(nameof(Branches))]
    public void Outputs_and_gradients_of_a_branch_are_the_authors(string name) => Check("lily", name, golden =>
    {
        var settings = OptionsOf(golden);
        var options = settings with { Function = null, Mlp = new() { Rank = settings.Rank, Function = settings.Function ?? "linear" } };
        options.Validate();
        using var initialization = new Initialization(0);
        using var branch = options.Branch(0, "block.0.fc2", golden["input"].size(-1), new LilyPool(options, initialization), initialization);
        var named = Recorded(branch, "lily_mlp_", options.Routing);
        golden.Fill(named);
        var (rows, length) = (golden["input"].size(0), golden["input"].size(1));
        using var context = ForwardContext.Predicting();
        Tensor? delta = null;

        golden.AssertForwardAndBackward(x =>
        {
            var flat = x.reshape(rows * length, -1);
            var fed = Fully(golden, "fc2", gelu(Fully(golden, "fc1", flat)));
            var y = branch.Forward(fed, new BlockState(Input: flat) { Rows = rows }, context);
            delta = (y - fed).div(options.Scaling).view(rows, length, -1);
            return y.view(rows, length, -1);
        });

        golden.AssertClose("delta", delta);
        AssertGradients(golden, named);
    });

    /// <summary>The settings of a case; the word "none" for a function is no function in a file.</summary>
    internal static LilyOptions OptionsOf(MethodCase golden)
        => golden.Settings<LilyOptions>(golden.Text("non_linearity") == "none" ? ["non_linearity"] : []);

    private static Tensor Fully(MethodCase golden, string layer, Tensor x)
        => linear(x, golden[$"base.{layer}.weight"], golden.Has($"base.{layer}.bias") ? golden[$"base.{layer}.bias"] : null);

    // Without routing there is a router in the part and none in the record.
    private static List<(string Recorded, Parameter Parameter)> Recorded(Adapter part, string prefix, LilyRouting routing)
        => [.. from p in Named(part)
               let recorded = p.Key.Replace(prefix, "lily_", StringComparison.Ordinal)
               where routing != LilyRouting.None || recorded != "lily_router"
               select (recorded, p.Value)];

    private static void AssertGradients(MethodCase golden, IEnumerable<(string Recorded, Parameter Parameter)> named)
    {
        foreach (var (recorded, parameter) in named)
        {
            golden.AssertClose($"grad.{recorded}", parameter.grad);
        }
    }

    // What the record has of the way to the output: the code of the input and the shares of the experts.
    private static void AssertRouting(MethodCase golden, Tensor x, IEnumerable<(string Recorded, Parameter Parameter)> named, LilyOptions options)
    {
        var parameters = named.ToDictionary(p => p.Recorded, p => (Tensor)p.Parameter, StringComparer.Ordinal);
        var hidden = linear(x, parameters["lily_A"]);
        hidden = options.Function is { } function ? Activation.Named(function)(hidden) : hidden;
        golden.AssertCloseIfThere("hidden", () => hidden);
        golden.AssertCloseIfThere("expert_weights", () =>
        {
            var shares = softmax(linear(hidden, parameters["lily_router"]), -1);
            return options.Routing == LilyRouting.Token ? shares : shares.flatten(0, -2).mean([0L]);
        });
    }
}
