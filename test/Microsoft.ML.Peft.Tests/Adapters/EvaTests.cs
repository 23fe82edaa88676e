using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.Calibration;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>EVA's start, on the golden set's tiny BERT (2 blocks, 32 wide).</summary>
[TestClass]
public sealed class EvaTests
{
    // Without the pooler, which is given one token a row.
    private static readonly TargetModules s_encoder = TargetModules.Matching(@".*encoder\.layer\..*(query|key|value|dense)");

    private DisposeScope _scope = null!;
    private GoldenModel _golden = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        _golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
    }

    [TestCleanup]
    public void Close()
    {
        _golden.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    public void A_holds_the_first_directions_of_all_inputs()
    {
        using var adapter = Set(new() { Rank = 4, Start = LoraStart.Eva, Eva = new() { Rho = 1, Tau = 0 } }); // settled after each batch came once more
        var report = AdapterStart.Measure(_golden.Model, adapter, Batches(1))!;
        Assert.IsEmpty(report.Notes);

        foreach (var part in adapter.Adapters.OfType<Lora>())
        {
            // The same batch twice: its rows once, whose padding does not count.
            using var batch = _golden.Inputs.Rows([0, 1]);
            var rows = Inputs(part.Layer).index_select(0, batch.Tokens!.Mask!.nonzero().view(-1));
            Assert.AreEqual(18L, rows.size(0));
            var vh = linalg.svd(rows - rows.mean([0]), fullMatrices: false).Vh;
            Golden.Close.Assert(eye(4), vh.narrow(0, 0, 4).mm(part.Factors.A.t()).abs().detach(), part.Path, 2e-2);
            Assert.AreEqual(0f, part.Factors.B.abs().max().item<float>());
        }
    }

    [TestMethod]
    public void Ranks_go_where_they_explain_most_and_sum_to_the_budget()
    {
        var options = new LoraOptions { Rank = 4, Alpha = 6, Start = LoraStart.Eva, TargetModules = s_encoder };
        using var adapter = Set(options);
        var count = adapter.Adapters.Count;
        AdapterStart.Measure(_golden.Model, adapter, Batches(3));

        var parts = adapter.Adapters.OfType<Lora>().ToArray();
        Assert.AreEqual(count * 4, parts.Sum(part => part.Factors.Rank));
        Assert.IsGreaterThan(1, parts.Select(part => part.Factors.Rank).Distinct().Count());
        Assert.IsTrue(parts.All(part => part.Factors.Rank is >= 1 and <= 8 && Math.Abs(part.Factors.Scale - 1.5) < 1e-12)); // α follows the rank

        // Query, key and value see the same input, so that each explains the same with its n-th direction.
        foreach (var block in parts.GroupBy(part => part.Path[..part.Path.LastIndexOf('.')]).Where(block => block.Key.EndsWith("self", StringComparison.Ordinal)))
        {
            Assert.IsLessThanOrEqualTo(1, block.Max(part => part.Factors.Rank) - block.Min(part => part.Factors.Rank));
            Golden.Close.Assert(block.First().Factors.A[0].detach(), block.Last().Factors.A[0].detach(), block.Key);
        }

        var settled = (LoraOptions)adapter.Options!;
        foreach (var part in parts)
        {
            Assert.AreEqual((part.Factors.Rank, part.Factors.Alpha), settled.RankAndAlphaOf(part.Path));
        }
    }

    [TestMethod]
    public void A_layer_without_rank_loses_its_adapter()
    {
        using var adapter = Set(new() { Rank = 1, Start = LoraStart.Eva, TargetModules = s_encoder, Eva = new() { Rho = 8 } });
        var count = adapter.Adapters.Count;
        var report = AdapterStart.Measure(_golden.Model, adapter, Batches(3))!;

        var parts = adapter.Adapters.OfType<Lora>().ToArray();
        Assert.IsLessThan(count, parts.Length);
        Assert.AreEqual(count, parts.Sum(part => part.Factors.Rank));
        Assert.Contains(note => note.Contains("no rank", StringComparison.Ordinal), report.Notes);
        CollectionAssert.AreEquivalent(parts.Select(part => part.Path).ToArray(), adapter.Options!.TargetModules!.Names!.ToArray());
    }

    [TestMethod]
    public void The_model_starts_as_it_was_and_is_measured_once()
    {
        using var adapter = Set(new() { Start = LoraStart.Eva, Eva = new() { Whiten = true } });
        using var bare = ForwardContext.Predicting();
        Assert.IsNotNull(AdapterStart.Measure(_golden.Model, adapter, Batches(3)));
        using var context = ForwardContext.Predicting(adapter);

        Golden.Close.Assert(_golden.Forward(bare).Logits, _golden.Forward(context).Logits.detach(), "logits");
        Assert.IsNull(AdapterStart.Measure(_golden.Model, adapter, Batches(3)));
    }

    [TestMethod]
    public void Padding_and_masked_labels_do_not_count()
    {
        using var inputs = new ModelInputs { Tokens = new TokenBatch([[5, 6, 7], [8, 9]], 0) };
        var labels = new Targets(tensor(new long[] { -100, 1, -1, 2, -100, -100 }).view(2, 3));
        var x = arange(6, ScalarType.Float32).unsqueeze(1);
        using var padding = new TokenMask(inputs, null, -100);
        using var masked = new TokenMask(inputs, labels, -100);
        using var other = new TokenMask(inputs, labels, -1);

        CollectionAssert.AreEqual(new float[] { 0, 1, 2, 3, 4 }, padding.Kept(x).data<float>().ToArray());
        CollectionAssert.AreEqual(new float[] { 1, 2, 3 }, masked.Kept(x).data<float>().ToArray());
        CollectionAssert.AreEqual(new float[] { 0, 1, 3, 4 }, other.Kept(x).data<float>().ToArray());
        Assert.AreEqual(2L, padding.Kept(x.narrow(0, 0, 2)).size(0), "one token a row, as a pooler is given");
    }

    [TestMethod]
    public void Too_few_tokens_and_biases_are_refused()
    {
        using var large = Set(new() { Rank = 16, Start = LoraStart.Eva, Calibration = new() { Batches = 2 } });
        using var biased = Set(new() { Start = LoraStart.Eva, Bias = "all" });
        var few = Assert.ThrowsExactly<PeftException>(() => AdapterStart.Measure(_golden.Model, large, _ => One()));
        StringAssert.Contains(few.Message, "32 directions");
        Assert.ThrowsExactly<PeftException>(() => AdapterStart.Measure(_golden.Model, biased, Batches(1)));
        Assert.ThrowsExactly<ArgumentException>(() => AdapterStart.Measure(_golden.Model, large, _ => []));

        IEnumerable<CalibrationBatch> One()
        {
            yield return new(_golden.Inputs.Rows([0]));
        }
    }

    private AdapterSet Set(LoraOptions options) => AdapterSet.Create("adapter", options, _golden.Model.Backbone, new CopiedModules([], []), 3);

    private Func<int, IEnumerable<CalibrationBatch>> Batches(int count) => _ => Enumerable.Range(0, count).Select(_ => new CalibrationBatch(_golden.Inputs.Rows([0, 1])));

    private Tensor Inputs(LinearLayer layer)
    {
        var seen = new List<Tensor>();
        using var recorder = new InputRecorder(layer, (x, _) => seen.Add(x.clone().MoveToOtherDisposeScope(_scope)));
        using var context = ForwardContext.Predicting(AdapterSet.Of("recorder", null, [recorder], _golden.Model.Layers.Count));
        using var _ = no_grad();
        using var inputs = _golden.Inputs.Rows([0, 1]);
        _golden.Model.Forward(inputs, context);
        return seen.Single();
    }
}
