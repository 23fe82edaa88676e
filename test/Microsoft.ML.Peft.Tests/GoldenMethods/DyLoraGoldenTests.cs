using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class DyLoraGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Layers => MethodCase.Cases("dylora", "r");

    public static IEnumerable<object[]> Runs => MethodCase.Cases("dylora", "train");

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Each_rank_gives_the_authors_outputs_gradients_and_weights(string name)
    {
        using var golden = MethodCase.Load("dylora", name);
        foreach (var rank in golden.Options.GetProperty("ranks").EnumerateArray().Select(r => r.GetInt32()))
        {
            foreach (var frozen in (bool[])[true, false])
            {
                var (adapter, layer) = Make(golden, frozen);
                adapter.ActiveRank = rank;
                adapter.train();
                golden.AssertForwardAndBackward(adapter.call, $"b{rank}.output", $"b{rank}.grad.input");
                golden.AssertClose($"b{rank}.grad.A.{(frozen ? "frozen" : "all")}", Named(adapter)["lora_A"].grad);
                golden.AssertClose($"b{rank}.grad.B.{(frozen ? "frozen" : "all")}", Named(adapter)["lora_B"].grad);
                golden.AssertClose($"b{rank}.merged.weight", adapter.Materialize(layer.Weight.Dense()));
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void A_training_run_is_the_authors(string name)
    {
        using var golden = MethodCase.Load("dylora", name);
        var (adapter, _) = Make(golden, golden.Flag("frozen"));
        adapter.train();
        var named = Named(adapter);
        var ranks = golden.Options.GetProperty("ranks").EnumerateArray().Select(r => r.GetInt32()).ToArray();
        var (a, b) = (new List<Tensor>(), new List<Tensor>());

        var losses = Train(
            [named["lora_A"], named["lora_B"]], () => adapter.call(golden["input"]), golden["target"], ranks.Length, golden.Number("lr"), golden.Number("weight_decay"),
            step => adapter.ActiveRank = ranks[step],
            _ =>
            {
                a.Add(named["lora_A"].detach().clone());
                b.Add(named["lora_B"].detach().clone());
            });

        golden.AssertClose("trace.loss", tensor(losses));
        golden.AssertClose("trace.A", stack(a));
        golden.AssertClose("trace.B", stack(b));
    }

    private static (DyLora Adapter, Microsoft.ML.Peft.Layers.LinearLayer Layer) Make(MethodCase golden, bool frozen)
    {
        var layer = golden.Layer();
        var adapter = (DyLora)MethodCase.Parts(
            new DyLoraOptions { Rank = golden.Int("r"), Alpha = golden.Number("lora_alpha"), TrainsLastOnly = frozen }, layer).Single();
        golden.Fill(Named(adapter)["lora_A"], "param.A");
        golden.Fill(Named(adapter)["lora_B"], "param.B");
        return (adapter, layer);
    }
}
