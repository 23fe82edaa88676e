using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class TriAdaptLoraGrowthGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("triadaptlora", MethodKinds.Schedule);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_ranks_grow_as_the_authors(string name) => Check("triadaptlora", name, golden =>
    {
        var options = TriAdaptLoraGoldenTests.OptionsOf(golden);
        var layers = Enumerable.Range(0, golden.Int("num_matrices")).Select(Layer).ToList();
        List<TriAdaptLora> parts = [.. MethodCase.Parts(options, layers).Cast<TriAdaptLora>()];
        using var set = AdapterSet.Of("x", options, parts, parts.Count);
        using var optimizer = new FlatAdamW(set.TrainedParameters());
        using var training = set.Options!.CreateTraining(set)!;
        var evaluations = golden.Whole("evaluation_step");
        golden.AssertEqual("init.ranks", parts.Select(part => (long)part.Rank));
        for (var step = 1; step <= golden.Int("steps"); step++)
        {
            var row = Array.IndexOf(evaluations, step);
            if (row >= 0)
            {
                CollectionAssert.AreEqual(Row("blocks", row), parts.Select(part => (long)part.BlockSizes.Count).ToArray());
                Inject(parts, golden["norms"][row].clone().data<float>().ToArray());
            }

            var (before, ranks) = (parts.Select(part => part.PreviousScore).ToArray(), parts.Select(part => part.Rank).ToArray());
            training.AfterStep(new(step - 1, golden.Int("total_step"), 1e-3));
            optimizer.Follow(set.TrainedParameters());
            if (row < 0)
            {
                CollectionAssert.AreEqual(ranks, parts.Select(part => part.Rank).ToArray(), $"step {step}");
                continue;
            }

            float[] scores = [.. parts.Select((part, k) => (float)(part.PreviousScore - before[k]))];
            golden.AssertClose("scores", Replaced(golden["scores"], row, tensor(scores)));
            golden.AssertClose("threshold", Replaced(golden["threshold"], row, tensor(scores.OrderDescending().ElementAt((int)Row("K", row)[0] - 1))));
            CollectionAssert.AreEqual(Row("grew", row), parts.Select((part, k) => part.Rank > ranks[k] ? 1L : 0).ToArray(), $"step {step}");
            CollectionAssert.AreEqual(Row("ranks", row), parts.Select(part => (long)part.Rank).ToArray(), $"step {step}");
            Assert.AreEqual(Row("total_rank", row)[0], parts.Sum(part => part.Rank));
            Assert.AreEqual(Row("optimizer_groups", row)[0], optimizer.GroupCount);
        }

        long[] Row(string tensor, int row) => golden[tensor][row].to(ScalarType.Int64).flatten().clone().data<long>().ToArray();
    });

    // The whole recorded tensor with one row of ours, which is compared by the size of the whole.
    private static Tensor Replaced(Tensor recorded, int row, Tensor ours)
    {
        var all = recorded.clone();
        all[row].copy_(ours);
        return all;
    }

    private static LinearLayer Layer(int index) => new($"block.{index}.query", index, new DenseWeight(zeros(4, 6)), zeros(4));

    // Cores whose norms are the recorded ones.
    private static void Inject(List<TriAdaptLora> parts, float[] norms)
    {
        using var _ = no_grad();
        for (var k = 0; k < parts.Count; k++)
        {
            foreach (var (parameter, values) in Named(parts[k]).Where(p => p.Key.Contains("_C", StringComparison.Ordinal)))
            {
                values.zero_();
                if (parameter == "lora_Crow_0")
                {
                    values[0, 0] = norms[k];
                }
            }
        }
    }
}
