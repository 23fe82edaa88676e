using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class PacaGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Layers => MethodKinds.Cases("paca", MethodKinds.Layer);

    public static IEnumerable<object[]> Runs => MethodKinds.Cases("paca", MethodKinds.Run);

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name) => Check("paca", name, golden =>
    {
        var (adapter, layer) = Make(golden);
        golden.AssertClose("init.P", Named(adapter)["paca_P"]);
        golden.Fill(Named(adapter)["paca_P"], "param.P");
        var bias = golden.Has("grad.bias") ? TrainedBias.Of(layer, adapted: true) : null;
        using var context = ForwardContext.Predicting();
        LayerAdapter[] stack = bias is null ? [adapter] : [bias, adapter];

        golden.AssertForwardAndBackward(x => new LayerCall(layer, stack, context).Forward(x));

        golden.AssertClose("grad.P", Named(adapter)["paca_P"].grad);
        golden.AssertCloseIfThere("grad.bias", () => bias!.parameters().Single().grad);
        foreach (var weight in (string[])["weight_eff", "merged.weight"])
        {
            golden.AssertCloseIfThere(weight, () => adapter.Materialize(layer.Weight.Dense()));
        }

        golden.AssertCloseIfThere("output.merged", () => nn.functional.linear(golden["input"], adapter.Materialize(layer.Weight.Dense()), layer.Bias));
    });

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void A_training_run_is_the_authors(string name) => Check("paca", name, golden =>
    {
        var (adapter, layer) = Make(golden);
        var p = Named(adapter)["paca_P"];
        golden.AssertClose("init.P", p);
        var (columns, weights) = (new List<Tensor>(), new List<Tensor>());

        var losses = Train(golden, [p], adapter.call, (int)golden["trace.loss"].size(0), after: _ =>
        {
            columns.Add(p.detach().clone());
            weights.Add(adapter.Materialize(layer.Weight.Dense()).detach());
        });

        golden.AssertClose("trace.loss", tensor(losses));
        golden.AssertClose("trace.P", stack(columns));
        golden.AssertClose("trace.weight", stack(weights));
        golden.AssertClose("output", adapter.call(golden["input"]));
    });

    // The adapter on the recorded columns, which the authors drew; it began with the same rule on those that it drew itself.
    private static (Paca Adapter, LinearLayer Layer) Make(MethodCase golden)
    {
        var layer = golden.Layer();
        var options = golden.Settings<PacaOptions>();
        var adapter = (Paca)MethodCase.Parts(options, layer).Single();
        using var _ = no_grad();
        var named = Named(adapter);
        Golden.Close.Assert(Start(), named["paca_P"], "the adapter's own start", golden.Tolerance);
        golden.Fill(named["paca_indices"], "param.idx");
        named["paca_P"].copy_(Start());
        return (adapter, layer);

        Tensor Start() => layer.Weight.Dense().index_select(1, named["paca_indices"]) / (options.Alpha / options.Rank);
    }
}
