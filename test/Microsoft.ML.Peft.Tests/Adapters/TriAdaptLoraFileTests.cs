using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>TriAdaptLoRA as LoRA and in files.</summary>
[TestClass]
public sealed class TriAdaptLoraFileTests
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
    public void A_grown_layer_is_a_lora_of_its_rank()
    {
        var part = Make(new() { Alpha = 3 });
        part.Grow(2);
        Randomize(part);
        using var set = AdapterSet.Of("x", new TriAdaptLoraOptions(), [part], 1);

        using var lora = AdapterConversion.ToLora(set);

        Assert.AreEqual(3, ((LoraOptions)lora.Options!).Rank);
        var x = randn(2, 3, 6);
        Golden.Close.Assert(part.call(x), ((Lora)lora.Adapters.Single()).call(x), "LoRA", 1e-5);
        using var initialization = new Initialization(0);
        var other = new LoHa(part.Layer, new LoHaOptions(), new AdapterBuild([], initialization));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterConversion.ToLora(AdapterSet.Of("x", new LoHaOptions(), [other], 1))).Message, "no product of two factors");
    }

    [TestMethod]
    public void A_run_that_goes_on_from_its_file_gives_the_same_numbers()
    {
        var options = new TriAdaptLoraOptions { ReferenceRank = 6, Interval = 3, TotalSteps = 20 };
        var (straight, half) = (Set(options), Set(options));
        Train(straight, 0, 10);
        Train(half, 0, 10);
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(half, folder.Path, null, "none");
        var resumed = Set(AdapterCheckpoint.ReadOptions(folder.Path));
        AdapterCheckpoint.ReadTensors(resumed, folder.Path);
        Train(straight, 10, 10);
        Train(resumed, 10, 10);

        var (expected, actual) = (straight.Parameters().ToDictionary(), resumed.Parameters().ToDictionary());
        Assert.IsGreaterThan(8, expected.Count, "it has grown");
        CollectionAssert.AreEquivalent(expected.Keys, actual.Keys);
        Assert.IsTrue(expected.All(p => p.Value.bytes.SequenceEqual(actual[p.Key].bytes)));
        Assert.AreEqual(0, Scores(straight).Zip(Scores(resumed)).Count(pair => pair.First != pair.Second));

        static IEnumerable<double> Scores(AdapterSet set) => set.Adapters.Cast<TriAdaptLora>().Select(part => part.PreviousScore);

        AdapterSet Set(AdapterOptions settings)
        {
            using var initialization = new Initialization(3);
            var layers = new[] { new LinearLayer("block.0.query", 0, new DenseWeight(ones(6, 6).div(3)), null), new LinearLayer("block.1.query", 1, new DenseWeight(ones(4, 6)), null) };
            return AdapterSet.Of("x", settings, [.. settings.CreateParts(new AdapterBuild(layers, initialization))], 2);
        }

        static void Train(AdapterSet set, int first, int count)
        {
            using var optimizer = new FlatAdamW(set.TrainedParameters());
            using var training = set.Options!.CreateTraining(set)!;
            var x = arange(18, ScalarType.Float32).view(3, 6).sin();
            for (var step = first; step < first + count; step++)
            {
                var parts = set.Adapters.Cast<TriAdaptLora>().ToList();
                (parts[1].call(parts[0].call(x)).square().mean() + set.Penalty()!).backward();
                optimizer.Step(1e-2, 0, keepGradients: true);
                training.AfterStep(new(step, 20, 1e-2));
                optimizer.Follow(set.TrainedParameters());
            }
        }
    }

    private static TriAdaptLora Make(TriAdaptLoraOptions options)
    {
        using var initialization = new Initialization(0);
        return new TriAdaptLora(new LinearLayer("block.0.query", 0, new DenseWeight(randn(4, 6)), randn(4)), options, new AdapterBuild([], initialization));
    }

    private static void Randomize(TriAdaptLora part)
    {
        using var _ = no_grad();
        foreach (var parameter in part.parameters())
        {
            nn.init.normal_(parameter, std: 0.5);
        }
    }
}
