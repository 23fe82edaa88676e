using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The file of AdaLoRA after its ranks were cut.</summary>
[TestClass]
public sealed class AdaLoraFileTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void End() => _scope.Dispose();

    [TestMethod]
    public void A_trained_adapter_is_written_with_its_ranks_and_comes_back()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", "adalora"));
        var adapter = golden.Adapter!;
        using (var training = adapter.Options!.CreateTraining(adapter)!)
        using (var context = ForwardContext.Predicting(adapter))
        {
            for (var step = 0; step < 20; step++)
            {
                golden.Loss(context).backward();
                training.AfterStep(new TrainingPoint(step, 20, 1e-3));
            }

            training.Finish();
        }

        using var before = ForwardContext.Predicting(adapter);
        var expected = golden.Forward(before)["logits"];
        var folder = Directory.CreateTempSubdirectory("peft-adalora-").FullName;
        try
        {
            AdapterCheckpoint.Write(adapter, folder, "SEQ_CLS", "base");
            var options = (AdaLoraOptions)AdapterCheckpoint.ReadOptions(folder);
            Assert.AreEqual(4 * 3, options.RankPattern!.Values.Sum(kept => kept.Count(k => k))); // 4 layers, target_r 3
            Assert.Contains("bert.encoder.layer.1.attention.self.value.lora_E", options.RankPattern.Keys);
            using var loaded = AdapterSet.Create("loaded", options, golden.Model.Backbone, new CopiedModules([], []), seed: 1);
            AdapterCheckpoint.ReadTensors(loaded, folder);
            using var after = ForwardContext.Predicting(loaded);
            Close.Assert(expected, golden.Forward(after)["logits"], "logits", 1e-6);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
