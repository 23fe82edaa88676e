using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>DiffoRA as an adapter, and how its matrix selects.</summary>
[TestClass]
public sealed class DiffoRaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DiffoRaOptions { Rank = 2, SelectedModules = ["block.0.query"] };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    [DataRow(DiffoRaRelaxation.Softmax, 1f / 3)]
    [DataRow(DiffoRaRelaxation.Sigmoid, 0.5f)]
    public void Every_candidate_starts_with_the_same_weight(DiffoRaRelaxation relaxation, float weight)
    {
        var (matrix, _) = DiffoRaCase.Make(new() { Relaxation = relaxation });

        AssertClose(full(6, weight), matrix.Gates());
        if (relaxation == DiffoRaRelaxation.Softmax)
        {
            DiffoRaCase.SetLogits(matrix, 3, -1, 0.5, 2, 2, 9);
            AssertClose(ones(2), matrix.Gates().view(2, 3).sum(1));
        }
    }

    [TestMethod]
    [DataRow(DiffoRaSelection.PerLayer, 0.4, "q v")]      // K = round(1.2) = 1 of each; equal ones: the earlier
    [DataRow(DiffoRaSelection.PerLayer, 0.5, "qk kv")]    // K = round(1.5) = 2
    [DataRow(DiffoRaSelection.PerLayer, 0.01, "q v")]     // at least 1
    [DataRow(DiffoRaSelection.Global, 0.4, "q v")]
    [DataRow(DiffoRaSelection.Global, 0.5, "qk kv")]
    [DataRow(DiffoRaSelection.PerLayer, 1.0, "qkv qkv")]
    public void The_largest_logits_of_a_row_are_selected(DiffoRaSelection selection, double ratio, string expected)
    {
        var (matrix, _) = DiffoRaCase.Make(new() { Selection = selection, KeepRatio = ratio });
        DiffoRaCase.SetLogits(matrix, 1, 1, 0, -2, 1, 1.5);

        var chosen = matrix.Largest();

        Assert.AreEqual(expected, string.Join(' ', chosen.Chunk(3).Select(row => string.Concat(row.Select((c, k) => c ? DiffoRaCase.Names[k] : "")))));
    }

    [TestMethod]
    public void A_block_needs_two_candidates_to_choose_from()
    {
        LinearLayer[] alone = [Layer(), new("block.1.query", 1, new DenseWeight(randn(4, 6)), null)];

        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => DiffoRaCase.Make(new(), alone)).Message, "the first of them 'block.0.query'");
        Assert.HasCount(2, DiffoRaCase.Make(new() { Selection = DiffoRaSelection.Global, Relaxation = DiffoRaRelaxation.Sigmoid }, alone).Matrix.Candidates);
        Assert.HasCount(3, DiffoRaCase.Make(new(), [.. alone, new("block.1.key", 2, new DenseWeight(randn(4, 6)), null)]).Matrix.Candidates); // rows may differ
    }

    [TestMethod]
    public void The_whole_matrix_may_favour_a_block()
    {
        var (matrix, _) = DiffoRaCase.Make(new() { Selection = DiffoRaSelection.Global, Relaxation = DiffoRaRelaxation.Sigmoid, KeepRatio = 1.0 / 3 });
        DiffoRaCase.SetLogits(matrix, 1, 2, 0, -3, -2, -1);

        CollectionAssert.AreEqual(new[] { true, true, false, false, false, false }, matrix.Largest());
    }
}
