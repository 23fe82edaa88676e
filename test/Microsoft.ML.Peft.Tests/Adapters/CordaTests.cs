using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>CorDA's start.</summary>
[TestClass]
public sealed class CordaTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow(CordaMethod.InstructionPreviewed)]
    [DataRow(CordaMethod.KnowledgePreserved)]
    public void The_start_is_what_hugging_face_computes(CordaMethod method)
    {
        using var adapter = StartInputs.Adapter(Options(new() { Method = method }));
        Measure(adapter, [StartInputs.Rows(7, 5, 0), StartInputs.Rows(7, 5, 1)]);

        var expected = method == CordaMethod.InstructionPreviewed
            ? StartInputs.Values(
                4,
                -0.7450980f, 0.2456443f, -0.2523762f, 0.5683322f, -0.0311716f, -1.0233368f, 0.7253160f, -0.0883251f, 1.1954800f, 0.5950834f,
                1.0617459f, -0.0777771f, 0.5409027f, -0.5186672f, 0.4920976f, 0.7289152f, -0.4393389f, 0.1143792f, -0.7688582f, -0.2967713f)
            : StartInputs.Values(
                4,
                -0.4781531f, -1.4240385f, 0.3242857f, 0.2741295f, 0.1820741f, 0.3261371f, 0.7805746f, -0.1009715f, -0.0180786f, -0.1601848f,
                -0.2360005f, -0.6660400f, 0.1368502f, 0.1026971f, 0.0968144f, 0.3128614f, 0.6103685f, -0.0096078f, 0.1052449f, -0.1797907f);
        var lora = adapter.Adapters.OfType<Lora>().Single();
        Golden.Close.Assert(expected, lora.Factors.B.mm(lora.Factors.A).mul(2).detach(), "s·B·A", 1e-3);
        Golden.Close.Assert(zeros(4, 5), lora.Delta().detach(), "the model starts as it was", 1e-5);
    }

    [TestMethod]
    public void Padding_and_the_size_of_a_row_do_not_count()
    {
        using var adapter = StartInputs.Adapter(Options(new()));
        var (first, second) = (StartInputs.Rows(5, 5, 0), StartInputs.Rows(7, 5, 1));
        Measure(adapter, [cat([first * 7, full([2, 5], 100f)]), second], [5, 7]);

        var covariance = (Product(first) + Product(second)) / 2;
        var (u, s, v) = CordaDecomposition.Of("query", StartInputs.Rows(4, 5, 9), covariance, 2, CordaMethod.InstructionPreviewed);
        Golden.Close.Assert((u * s).mm(v.t()), Start(adapter), "start", 1e-3);

        static Tensor Product(Tensor row) => row.t().mm(row) / row.max().square();
    }

    [TestMethod]
    public void The_weighted_error_is_the_smallest_there_is()
    {
        var (weight, x) = (randn(8, 12), randn(50, 12) * linspace(0.1, 3, 12));
        var covariance = x.t().mm(x) / 50;
        var (u, s, v) = CordaDecomposition.Of("layer", weight, covariance, 3, CordaMethod.InstructionPreviewed);
        var start = LoraStarts.Residual(u, s, v.t(), 2);
        var taken = start.B.mm(start.A).mul(2);
        var (pu, ps, pvh) = linalg.svd(weight, fullMatrices: false);
        var pissa = (pu.narrow(1, 0, 3) * ps.narrow(0, 0, 3)).mm(pvh.narrow(0, 0, 3));
        var damped = covariance + (eye(12) * covariance.diagonal().mean() * 0.01);

        var rest = linalg.svd(weight.mm(damped), fullMatrices: false).S.narrow(0, 3, 5).square().sum().sqrt().item<float>();
        Assert.AreEqual(rest, (weight - taken).mm(damped).norm().item<float>(), 1e-3 * rest); // Eckart and Young
        Assert.IsGreaterThan(1.05 * rest, (weight - pissa).mm(damped).norm().item<float>());

        var whole = CordaDecomposition.Of("layer", weight, covariance, 8, CordaMethod.InstructionPreviewed);
        Golden.Close.Assert(weight, (whole.U * whole.S).mm(whole.V.t()), "all directions are the weight", 1e-3);
    }

    [TestMethod]
    public void Files_of_covariances_and_directions_give_the_same_start_without_rows()
    {
        var folder = Directory.CreateTempSubdirectory("peft-corda-").FullName;
        try
        {
            var options = Options(new() { CovarianceFile = Path.Combine(folder, "c.safetensors"), CacheFile = Path.Combine(folder, "e.safetensors") });
            using var first = StartInputs.Adapter(options);
            using var cached = StartInputs.Adapter(options);
            using var other = StartInputs.Adapter(options with { Rank = 1, Corda = options.Corda! with { CacheFile = null } });
            using var wrong = StartInputs.Adapter(options with { Rank = 1 });
            Measure(first, [StartInputs.Rows(7, 5, 0)]);

            using (var calibration = cached.CreateCalibration(0)!)
            {
                Assert.IsFalse(calibration.NeedsBatches);
                calibration.Finish();
            }

            using (var calibration = other.CreateCalibration(0)!)
            {
                Assert.IsFalse(calibration.NeedsBatches);
                calibration.Finish();
            }

            Assert.IsTrue(Start(first).bytes.SequenceEqual(Start(cached).bytes));
            Assert.AreEqual(1L, linalg.matrix_rank(Start(other)).item<long>());
            using var third = wrong.CreateCalibration(0)!;
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => third.Finish()).Message, "another rank");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Inputs_that_are_zero_are_refused()
    {
        using var adapter = StartInputs.Adapter(Options(new()));
        Assert.ThrowsExactly<PeftException>(() => Measure(adapter, [zeros(7, 5)]));
    }

    private static LoraOptions Options(CordaOptions corda) => new() { Rank = 2, Alpha = 4, Start = LoraStart.Corda, Corda = corda };

    private static Tensor Start(AdapterSet adapter)
    {
        var factors = adapter.Adapters.OfType<Lora>().Single().Factors;
        return factors.B.mm(factors.A).mul(factors.Scale).detach();
    }

    private static void Measure(AdapterSet adapter, Tensor[] rows, int[]? tokens = null)
    {
        using var calibration = adapter.CreateCalibration(0)!;
        using var context = ForwardContext.Predicting();
        using var inputs = new ModelInputs { Tokens = new TokenBatch([.. rows.Select((row, k) => new int[tokens?[k] ?? row.size(0)])], 0) };
        calibration.BeforeBatch(inputs, null);
        context.Enter(inputs);
        var recorder = (LinearAdapter)calibration.Recorders.Single();
        recorder.Forward(cat(rows), new LayerCall(recorder.Layer, [], context));
        calibration.AfterBatch();
        calibration.Finish();
    }
}
