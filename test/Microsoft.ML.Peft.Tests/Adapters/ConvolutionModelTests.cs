using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Methods on the convolutions of whole models: patches of pictures, and windows and places of sounds.</summary>
[TestClass]
public sealed class ConvolutionModelTests
{
    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Pictures =>
        from name in (string[])["OFT", "BOFT", "HRA", "IA3", "HIRA", "LOHA", "LOKR", "ADALORA", "LORA", "DORA", "LOLDU"] select new object[] { "vit", name, "projection" };

    public static IEnumerable<object[]> Sounds =>
        from target in (string[])["conv_layers.0.conv", "pos_conv_embed.conv"]
        from name in (string[])["IA3", "HIRA", "LOHA", "LOKR", "DORA", "LOLDU"]
        where name != "HIRA" || target != "pos_conv_embed.conv" // that one is in groups
        select new object[] { "wav2vec2", name, target };

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DynamicData(nameof(Pictures))]
    [DynamicData(nameof(Sounds))]
    public void A_model_with_it_gives_what_the_merged_model_gives_and_its_file_too(string model, string method, string target)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        using var set = Created(golden, Options(method, target));
        var part = set.Adapters.Single();
        Assert.IsNotInstanceOfType<LinearAdapter>(part);
        using (no_grad())
        {
            foreach (var (parameter, _) in set.TrainedParameters())
            {
                parameter.add_(randn_like(parameter).mul(0.3));
            }
        }

        using var with = ForwardContext.Predicting(set);
        using var without = ForwardContext.Predicting();
        var plain = golden.Forward(without).Logits.detach();
        var output = golden.Forward(with).Logits;
        Assert.IsFalse(plain.allclose(output));
        output.square().sum().backward();
        foreach (var (parameter, _) in set.TrainedParameters())
        {
            Assert.IsTrue(parameter.grad is { } gradient && gradient.isfinite().all().item<bool>());
        }

        var adapted = output.detach();
        using (set.Merge(safe: true))
        {
            Golden.Close.Assert(adapted, golden.Forward(without).Logits.detach(), "merged");
        }

        Golden.Close.Assert(plain, golden.Forward(without).Logits.detach(), "unmerged", tolerance: 1e-7);
        var folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            AdapterCheckpoint.Write(set, folder, null, "base");
            using var read = Created(golden, AdapterCheckpoint.ReadOptions(folder));
            AdapterCheckpoint.ReadTensors(read, folder);
            using var again = ForwardContext.Predicting(read);
            Golden.Close.Assert(adapted, golden.Forward(again).Logits.detach(), "read");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static AdapterOptions Options(string method, string target)
    {
        var targets = TargetModules.Named(target, "patch_embedding");
        return method switch
        {
            "OFT" => new OftOptions { BlockSize = 8, TargetModules = targets },
            "BOFT" => new BoftOptions { BlockSize = 4, TargetModules = targets },
            "HRA" => new HraOptions { Rank = 2, TargetModules = targets },
            "IA3" => new Ia3Options { FeedForwardModules = (string[])[], TargetModules = targets },
            "ADALORA" => new AdaLoraOptions { InitialRank = 4, TargetRank = 2, TargetModules = targets },
            "LORA" => new LoraOptions { Rank = 4, HasBias = true, TargetModules = targets },
            "DORA" => new LoraOptions { Rank = 4, UseDora = true, TargetModules = targets },
            "LOLDU" => new LoLduOptions { Rank = 3, Alpha = 3, TargetModules = targets },
            "HIRA" => new HiraOptions { Rank = 2, TargetModules = targets },
            "LOHA" => new LoHaOptions { Rank = 2, FactorsKernel = true, TargetModules = targets },
            _ => new LoKrOptions { Rank = 2, FactorsKernel = true, Start = LoKrStart.Random, TargetModules = targets },
        };
    }

    private static AdapterSet Created(GoldenModel golden, AdapterOptions options)
        => AdapterSet.Create("default", options, golden.Model.Backbone, new CopiedModules([], []), 0);
}
