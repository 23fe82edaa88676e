using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Golden models with HEAT, their losses and single steps of a run.</summary>
internal static class HeatModels
{
    public static GoldenModel Load(string name) => GoldenModel.Load(new(GoldenFolder.Root, name, null));

    public static AdapterSet Set(GoldenModel golden, AdapterOptions options) => AdapterSet.Create("x", options, golden.Model.Backbone, new CopiedModules([], []), 1);

    public static AdapterSet Probes(GoldenModel golden, params Probe[] probes) => Set(golden, new ProbeOptions(_ => probes));

    public static LossRun Run(GoldenModel golden, AdapterSet set) => new(() => Loss(golden, set), withRecorders: below => Loss(golden, [.. below, set]));

    public static Tensor Loss(GoldenModel golden, params AdapterSet[] sets)
    {
        using var context = ForwardContext.Predicting(sets);
        return golden.Model.Head.Loss(golden.Forward(context), golden.Targets);
    }

    /// <summary>The loss with factors on what the heads of each block give.</summary>
    public static Tensor Masked(GoldenModel golden, AdapterSet set, Func<int, Tensor> of)
        => Loss(golden, set, Probes(golden, [.. golden.Model.Backbone.Blocks.Select((site, k) => new Probe(BlockPoint.AttentionHeads, site.Index, (heads, state) =>
        {
            Assert.AreEqual(site.Heads.Heads, state.Heads);
            return heads * of(k).repeat_interleave(site.Heads.Size);
        }))]));

    public static Tensor Logits(GoldenModel golden, params AdapterSet[] sets)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(sets);
        var output = golden.Forward(context);
        return output[output.Names.First()];
    }

    // Steps of a run of 10 steps an epoch.
    public static void Step(GoldenModel golden, AdapterSet set, params long[] steps)
    {
        using var training = set.CreateTraining()!;
        using var optimizer = new Peft.Training.FlatAdamW(set.TrainedParameters());
        training.Begin(Run(golden, set));
        foreach (var step in steps)
        {
            var point = new TrainingPoint(step, 100, 1e-2);
            training.BeforeForward(point);
            Loss(golden, set).backward();
            training.BeforeStep(point);
            optimizer.Step(point.LearningRate, 0, keepGradients: true);
            training.AfterStep(point);
            CheckShares(set, step > 10);
            optimizer.Follow(set.TrainedParameters());
            optimizer.Forget(training.Forgets);
        }
    }

    // The rows of silent heads have no gradient.
    public static void CheckShares(AdapterSet set, bool isMasked)
    {
        foreach (var (part, open) in isMasked && set.Options is HeatOptions { Mask: HeadMasking.Delta } ? HeatShares.Settle(set.Adapters, HeatOptions.Masks(set)) : [])
        {
            var rows = part.Factors.B.grad!.abs().sum(1).gt(0).data<bool>().ToArray();
            Assert.IsTrue(rows.Zip(open).All(row => row.First == row.Second));
        }
    }

    public static void Randomize(AdapterSet set)
    {
        using var _ = no_grad();
        random.manual_seed(7);
        foreach (var (parameter, _) in set.TrainedParameters())
        {
            nn.init.normal_(parameter, std: 0.2);
        }
    }

    /// <summary>Draws the weights of the blocks anew, so that every head matters.</summary>
    public static void Randomize(GoldenModel golden)
    {
        random.manual_seed(8);
        foreach (var heads in golden.Model.Backbone.Blocks.Select(site => site.Heads))
        {
            foreach (var layer in (LinearLayer[])[heads.Query.Layer, heads.Key.Layer, heads.Value.Layer, heads.Output])
            {
                layer.ReplaceWeight(randn(layer.OutFeatures, layer.InFeatures) / Math.Sqrt(layer.InFeatures));
            }
        }
    }
}
