using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class PacaGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Layers => MethodCase.Cases("paca").Where(c => !((string)c[0]).StartsWith("train", StringComparison.Ordinal));

    public static IEnumerable<object[]> Runs => MethodCase.Cases("paca", "train");

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("paca", name);
        var (adapter, layer) = Make(golden);
        golden.AssertClose("init.P", Named(adapter)["paca_P"]);
        golden.Fill(Named(adapter)["paca_P"], "param.P");
        var bias = golden.Has("grad.bias") ? TrainedBias.Of(layer, adapted: true) : null;
        using var context = ForwardContext.Predicting();
        LayerAdapter[] stack = bias is null ? [adapter] : [bias, adapter];

        golden.AssertForwardAndBackward(x => new LayerCall(layer, stack, context).Forward(x));

        golden.AssertClose("grad.P", Named(adapter)["paca_P"].grad);
        if (bias is not null)
        {
            golden.AssertClose("grad.bias", bias.parameters().Single().grad);
        }

        if (golden.Has("merged.weight"))
        {
            golden.AssertClose("merged.weight", adapter.Materialize(layer.Weight.Dense()));
        }
    }

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void A_training_run_is_the_authors(string name)
    {
        using var golden = MethodCase.Load("paca", name);
        var (adapter, layer) = Make(golden);
        var p = Named(adapter)["paca_P"];
        var (columns, weights) = (new List<Tensor>(), new List<Tensor>());

        var losses = Train([p], () => adapter.call(golden["input"]), golden["target"], golden.Int("steps"), golden.Number("lr"), golden.Number("weight_decay"), after: _ =>
        {
            columns.Add(p.detach().clone());
            weights.Add(adapter.Materialize(layer.Weight.Dense()).detach());
        });

        golden.AssertClose("trace.loss", tensor(losses));
        golden.AssertClose("trace.P", stack(columns));
        golden.AssertClose("trace.weight", stack(weights));
        golden.AssertClose("output", adapter.call(golden["input"]));
    }

    private static (Paca Adapter, LinearLayer Layer) Make(MethodCase golden)
    {
        var layer = golden.Layer();
        var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = golden.Int("r"), Alpha = golden.Number("paca_alpha") }, layer).Single();
        using var _ = no_grad();
        var named = Named(adapter);
        named["paca_indices"].copy_(golden["param.idx"]);
        named["paca_P"].copy_(layer.Weight.Dense().index_select(1, golden["param.idx"].to(ScalarType.Int64)) / (golden.Number("paca_alpha") / golden.Int("r")));
        return (adapter, layer);
    }
}
