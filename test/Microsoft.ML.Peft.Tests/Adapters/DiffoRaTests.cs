using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class DiffoRaTests : LinearAdapterContract
{
    private static readonly string[] s_names = ["q", "k", "v"];

    protected override AdapterOptions Options => new DiffoRaOptions { Rank = 2, SelectedModules = ["block.0.query"] };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    [DataRow(DiffoRaRelaxation.Softmax, 1f / 3)]
    [DataRow(DiffoRaRelaxation.Sigmoid, 0.5f)]
    public void Every_candidate_starts_with_the_same_weight(DiffoRaRelaxation relaxation, float weight)
    {
        var (matrix, _) = Make(new() { Relaxation = relaxation });

        AssertClose(full(6, weight), matrix.Gates());
        if (relaxation == DiffoRaRelaxation.Softmax)
        {
            SetLogits(matrix, 3, -1, 0.5, 2, 2, 9);
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
        var (matrix, _) = Make(new() { Selection = selection, KeepRatio = ratio });
        SetLogits(matrix, 1, 1, 0, -2, 1, 1.5);

        var chosen = matrix.Largest();

        Assert.AreEqual(expected, string.Join(' ', chosen.Chunk(3).Select(row => string.Concat(row.Select((c, k) => c ? s_names[k] : "")))));
    }

    [TestMethod]
    public void A_block_needs_two_candidates_to_choose_from()
    {
        LinearLayer[] alone = [Layer(), new("block.1.query", 1, new DenseWeight(randn(4, 6)), null)];

        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Make(new(), alone)).Message, "the first of them 'block.0.query'");
        Assert.HasCount(2, Make(new() { Selection = DiffoRaSelection.Global, Relaxation = DiffoRaRelaxation.Sigmoid }, alone).Matrix.Candidates);
        Assert.HasCount(3, Make(new(), [.. alone, new("block.1.key", 2, new DenseWeight(randn(4, 6)), null)]).Matrix.Candidates); // rows may differ
    }

    [TestMethod]
    public void The_whole_matrix_may_favour_a_block()
    {
        var (matrix, _) = Make(new() { Selection = DiffoRaSelection.Global, Relaxation = DiffoRaRelaxation.Sigmoid, KeepRatio = 1.0 / 3 });
        SetLogits(matrix, 1, 2, 0, -3, -2, -1);

        CollectionAssert.AreEqual(new[] { true, true, false, false, false, false }, matrix.Largest());
    }

    [TestMethod]
    public void Logits_learn_nothing_before_the_pairs_have_moved()
    {
        var (matrix, set) = Make(new() { WarmupSearchSteps = 0 });
        using var training = new DiffoRaTraining(new(), matrix, set);
        training.Begin(new LossRun(() => Loss(set, 1), () => Loss(set, 2)));

        Assert.AreEqual(0L, training.ByLogits(() => Loss(set, 2)).count_nonzero().item<long>());
        Randomize(set);
        Assert.AreEqual(6L, training.ByLogits(() => Loss(set, 2)).count_nonzero().item<long>());
        Assert.IsFalse(matrix.Logits.requires_grad);
    }

    [TestMethod]
    public void The_second_order_is_the_slope_of_the_held_back_loss_after_a_step()
    {
        const double Rate = 0.05;
        const float Nudge = 1e-2f;
        var (matrix, set) = Make(new());
        Randomize(set);
        SetLogits(matrix, 0.3, -0.2, 0.5, 0.1, 0, -0.4);
        using var training = new DiffoRaTraining(new(), matrix, set);
        training.Begin(new LossRun(() => Loss(set, 1), () => Loss(set, 2)));

        var gradient = training.SecondOrder(Rate).clone();
        var first = training.ByLogits(() => Loss(set, 2)).clone();

        var numeric = zeros(6);
        for (var k = 0; k < 6; k++)
        {
            numeric[k] = (HeldBackAfterStep(k, Nudge) - HeldBackAfterStep(k, -Nudge)) / (2 * Nudge);
        }

        var size = numeric.norm().item<float>();
        Assert.IsLessThan(1e-2f * size, (gradient - numeric).norm().item<float>());
        Assert.IsGreaterThan(3e-2f * size, (first - numeric).norm().item<float>(), "the orders are alike here, so that this test says nothing");
        AssertClose(first, training.SecondOrder(0));

        float HeldBackAfterStep(int k, float by)
        {
            var parameters = set.TrainedParameters().Select(p => p.Parameter).ToArray();
            var before = Array.ConvertAll(parameters, p => p.detach().clone());
            using (no_grad())
            {
                matrix.Logits[k].add_(by);
            }

            matrix.Refresh();
            var gradients = autograd.grad([Loss(set, 1)], parameters);
            using var _ = no_grad();
            for (var p = 0; p < parameters.Length; p++)
            {
                parameters[p].add_(gradients[p], -Rate);
            }

            var loss = Loss(set, 2).item<float>();
            for (var p = 0; p < parameters.Length; p++)
            {
                parameters[p].copy_(before[p]);
            }

            matrix.Logits[k].add_(-by);
            matrix.Refresh();
            return loss;
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Steps_of_the_logits_leave_the_pairs_as_they_are_and_the_reverse(bool secondOrder)
    {
        var options = new DiffoRaOptions { WarmupSearchSteps = 1, SecondOrder = secondOrder };
        var (matrix, set) = Make(options);
        Randomize(set);
        using var training = new DiffoRaTraining(options, matrix, set);
        Assert.AreEqual(new TrainingLead(300, 0.5), training.Begin(new LossRun(() => Loss(set, 1), () => Loss(set, 2))));
        var pairs = set.TrainedParameters().Select(p => p.Parameter.detach().clone()).ToArray();

        training.BeforeForward(new(0, 300, 0.1) { IsLead = true });
        Assert.AreEqual(0L, matrix.Logits.count_nonzero().item<long>(), "the pairs move first");
        training.BeforeForward(new(1, 300, 0.1) { IsLead = true });

        Assert.AreEqual(6L, matrix.Logits.count_nonzero().item<long>());
        Assert.IsTrue(pairs.Zip(set.TrainedParameters()).All(p => p.First.bytes.SequenceEqual(p.Second.Parameter.bytes) && p.Second.Parameter.grad is null));
        Loss(set, 1).backward();
        Assert.IsNull(matrix.Logits.grad);
        training.BeforeForward(new(0, 300, 0.1)); // the run itself
        Assert.IsTrue(set.TrainedParameters().All(p => p.Parameter.grad is not null));
    }

    [TestMethod]
    public void Layers_that_are_not_selected_share_a_pair_of_their_kind()
    {
        var (matrix, set) = Make(new() { KeepRatio = 0.4 });
        Discretise(matrix, true, false, false, false, false, true);
        var (first, second) = (matrix.Candidates[1], matrix.Candidates[4]); // k of both blocks
        Assert.AreSame(first.A, second.A);
        Assert.AreSame(first.B, second.B);
        Assert.AreNotSame(first.A, matrix.Candidates[3].A);
        var x = Input();
        AssertClose(Base(first.Layer, x), first.call(x));
        Randomize(set);

        (first.call(x).sum() + second.call(x).square().sum()).backward();

        var gradient = first.A!.grad!.clone();
        first.A.grad = null;
        first.call(x).sum().backward();
        var ofFirst = first.A.grad!.clone();
        first.A.grad = null;
        second.call(x).square().sum().backward();
        AssertClose(gradient, ofFirst + first.A.grad!);
        foreach (var part in matrix.Candidates)
        {
            AssertClose(part.call(x), nn.functional.linear(x, part.Materialize(part.Layer.Weight.Dense()), part.Layer.Bias));
        }

        using var lora = AdapterConversion.ToLora(set);
        AssertClose(second.call(x), lora.Adapters.OfType<Lora>().ElementAt(4).call(x));
        Assert.AreEqual("block.0.q block.1.v", string.Join(' ', ((DiffoRaOptions)set.Options!).SelectedModules!));
        Assert.IsNull(set.Options.CreateTraining(set));
    }

    [TestMethod]
    public void Both_stages_start_as_the_base()
    {
        var (matrix, set) = Make(new());
        var x = Input();
        AssertIsBase();
        Randomize(set);
        Discretise(matrix, true, false, true, false, false, true);
        AssertIsBase();
        Assert.IsTrue(matrix.Candidates.Where(part => part.HasOwn).All(part => part.A!.abs().max().item<float>() is > 0 and <= 0.409f)); // 1/√6, drawn anew

        void AssertIsBase()
        {
            foreach (var part in matrix.Candidates)
            {
                AssertClose(Base(part.Layer, x), part.call(x));
            }
        }
    }

    [TestMethod]
    public void Without_sharing_the_others_have_none_and_the_searched_pairs_may_go_on()
    {
        var (matrix, set) = Make(new() { SharesUnselected = false, StartsAnew = false });
        Randomize(set);
        SetLogits(matrix, 2, 0, 0, 0, 0, 0);
        var expected = matrix.Candidates[0].call(Input().fill_(0.5));
        Discretise(matrix, true, false, false, true, false, false);

        AssertClose(expected, matrix.Candidates[0].call(Input().fill_(0.5)));
        Assert.IsNull(matrix.Candidates[1].A);
        AssertClose(Base(matrix.Candidates[1].Layer, Input().fill_(0.5)), matrix.Candidates[1].call(Input().fill_(0.5)));
        Assert.AreEqual(2 * 8 * (6 + 4), set.TrainableCount);
    }

    [TestMethod]
    public void The_counts_for_DeBERTa_are_met()
    {
        (string Name, long Inputs, long Outputs)[] modules = [("q", 768, 768), ("k", 768, 768), ("v", 768, 768), ("o", 768, 768), ("fc1", 768, 3072), ("fc2", 3072, 768)];
        var layers = Enumerable.Range(0, 12).SelectMany(block => modules.Select((m, k)
            => new LinearLayer($"layer.{block}.{m.Name}", (block * 6) + k, new DenseWeight(zeros(1, 1).expand(m.Outputs, m.Inputs)), null))).ToArray();
        var (matrix, set) = Make(new(), layers);

        Assert.AreEqual(1_327_104, set.TrainableCount);
        Assert.AreEqual(72, matrix.Logits.numel());
        Discretise(matrix, [.. Enumerable.Range(0, 72).Select(k => k % 6 is 0 or 2 or 5)]);
        Assert.AreEqual(718_848, set.TrainableCount);
    }

    private static (DifferentialAdaptationMatrix Matrix, AdapterSet Set) Make(DiffoRaOptions options, LinearLayer[]? layers = null)
    {
        layers ??= [.. Enumerable.Range(0, 6).Select(k => new LinearLayer($"block.{k / 3}.{s_names[k % 3]}", k, new DenseWeight(randn(4, 6)), randn(4)))];
        using var initialization = new Initialization(3);
        var parts = options.CreateParts(new AdapterBuild(layers, initialization)).ToList();
        return (parts.OfType<DifferentialAdaptationMatrix>().Single(), AdapterSet.Of("x", options, parts, layers.Length));
    }

    private static Tensor Loss(AdapterSet set, int batch)
        => set.Adapters.OfType<DiffoRa>().Select(part => (part.call(arange(12, ScalarType.Float32).view(2, 6).add(batch).sin()) - batch).square().mean()).Aggregate((a, b) => a + b);

    private static void SetLogits(DifferentialAdaptationMatrix matrix, params double[] values)
    {
        using var _ = no_grad();
        matrix.Logits.copy_(tensor(values).to(ScalarType.Float32));
        matrix.Refresh();
    }

    private static void Discretise(DifferentialAdaptationMatrix matrix, params bool[] chosen)
    {
        using var initialization = new Initialization(4);
        matrix.Discretise(chosen, initialization);
    }

    private static void Randomize(AdapterSet set)
    {
        using var _ = no_grad();
        foreach (var (parameter, _) in set.TrainedParameters())
        {
            nn.init.normal_(parameter, std: 0.5);
        }
    }
}
