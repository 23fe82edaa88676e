using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Training;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Golden models with Pear, their losses and steps of a run.</summary>
internal static class PearModels
{
    public static string Plan(PearOptions options, double[] importance)
    {
        var layers = importance.Select((_, k) => new LinearLayer($"block.{k}.q", k, new DenseWeight(zeros(2, 2)), null)).ToArray();
        using var initialization = new Initialization(0);
        var sites = (options with { Adapter = new LoraOptions { Rank = 1 } }).CreateParts(new AdapterBuild(layers, initialization)).Cast<IPearPlace>().Select(place => place.Site).ToList();
        sites.ForEach(site => site.Importance = importance[site.Depth]);
        var pruned = PearPlan.Pruned(options, sites);
        var donors = PearPlan.Donors(options, sites, pruned);
        return string.Join(' ', pruned.OrderBy(site => site.Depth).Select(site => donors.TryGetValue(site, out var donor) ? $"{site.Depth}<{donor.Depth}" : $"{site.Depth}"));
    }

    public static GoldenModel Load(string name) => GoldenModel.Load(new(GoldenFolder.Root, name, null));

    public static AdapterSet Set(GoldenModel golden, AdapterOptions options) => AdapterSet.Create("x", options, golden.Model.Backbone, new CopiedModules([], []), 1);

    public static Tensor Loss(GoldenModel golden, AdapterSet set, bool training = false)
    {
        using var context = training ? ForwardContext.TrainingWith(5, set) : ForwardContext.Predicting(set);
        return golden.Model.Head.Loss(golden.Forward(context), golden.Targets);
    }

    public static Tensor Logits(GoldenModel golden, params AdapterSet[] sets)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(sets);
        var output = golden.Forward(context);
        return output[output.Names.First()];
    }

    // Steps of a run with so many steps an epoch; the penalty of each.
    public static List<double> Train(GoldenModel golden, AdapterSet set, int steps, int stepsPerEpoch)
    {
        var penalties = new List<double>();
        using var training = set.CreateTraining();
        using var optimizer = new FlatAdamW(set.TrainedParameters());
        training?.Begin(new LossRun(() => Loss(golden, set)) { Epochs = steps / stepsPerEpoch, Epoch = stepsPerEpoch });
        for (var step = 0; step < steps; step++)
        {
            var point = new TrainingPoint(step, steps, 1e-2);
            training?.BeforeForward(point);
            var loss = Loss(golden, set, training: true);
            var penalty = set.Penalty();
            penalties.Add(penalty?.item<float>() ?? 0);
            (penalty is null ? loss : loss + penalty).backward();
            training?.BeforeStep(point);
            optimizer.Step(point.LearningRate, 0, keepGradients: true);
            training?.AfterStep(point);
            optimizer.Follow(set.TrainedParameters());
        }

        training?.Finish();
        return penalties;
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
}
