using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class DyLoraGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Layers => MethodKinds.Cases("dylora", MethodKinds.Layer);

    public static IEnumerable<object[]> Runs => MethodKinds.Cases("dylora", MethodKinds.Run);

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Each_rank_gives_the_authors_outputs_gradients_and_weights(string name) => Check("dylora", name, golden =>
    {
        foreach (var (rank, frozen) in golden.Ints("ranks").SelectMany(rank => (IEnumerable<(int, bool)>)[(rank, true), (rank, false)]))
        {
            var (adapter, layer) = Make(golden, frozen);
            adapter.ActiveRank = rank;
            adapter.train();
            golden.AssertForwardAndBackward(adapter.call, $"b{rank}.output", $"b{rank}.grad.input");
            golden.AssertCloseIfThere($"b{rank}.grad.A.{(frozen ? "frozen" : "all")}", () => Named(adapter)["lora_A"].grad);
            golden.AssertCloseIfThere($"b{rank}.grad.B.{(frozen ? "frozen" : "all")}", () => Named(adapter)["lora_B"].grad);
            golden.AssertCloseIfThere($"b{rank}.merged.weight", () => adapter.Materialize(layer.Weight.Dense()));
            adapter.eval();
            golden.AssertClose($"b{rank}.output", adapter.call(golden["input"]));
        }
    });

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void A_training_run_is_the_authors(string name) => Check("dylora", name, golden =>
    {
        var (adapter, _) = Make(golden, golden.Flag("frozen"));
        adapter.train();
        var (first, second) = (Named(adapter)["lora_A"], Named(adapter)["lora_B"]);
        var ranks = golden.Ints("ranks");
        golden.AssertEqual("ranks", ranks.Select(rank => (long)rank));
        var (a, b) = (new List<Tensor>(), new List<Tensor>());

        var losses = Train(golden, [first, second], adapter.call, ranks.Length, step => adapter.ActiveRank = ranks[step], _ =>
        {
            a.Add(first.detach().clone());
            b.Add(second.detach().clone());
        });

        golden.AssertClose("trace.loss", tensor(losses));
        golden.AssertClose("trace.A", stack(a));
        golden.AssertClose("trace.B", stack(b));
        golden.AssertCloseIfThere("output", () => adapter.call(golden["input"]));
    });

    private static (DyLora Adapter, LinearLayer Layer) Make(MethodCase golden, bool frozen)
    {
        var layer = golden.Layer();
        var adapter = (DyLora)MethodCase.Parts(golden.Settings<DyLoraOptions>("frozen") with { TrainsLastOnly = frozen, Dropout = 0 }, layer).Single();
        golden.Fill([("A", Named(adapter)["lora_A"]), ("B", Named(adapter)["lora_B"])]);
        return (adapter, layer);
    }
}
