using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.Neat;

/// <summary>NEAT, also PEANuT (Zhong et al. 2024, arXiv:2410.01870): a small network of the frozen weight does better than LoRA with as many numbers.</summary>
/// <remarks>First a layer of 256 inputs and 64 outputs whose update is such a network, learnt from 4,096 rows: NEAT of width 10 and LoRA of rank 4 have 1,280 numbers each. The
/// control is a square layer at one rank, where LoRA can represent every update of NEAT. Then debian-sections on models/bert-docs, the last layer of each feed-forward part, and the
/// time of a step; NEAT never makes its update there, so that the form that does is not timed.</remarks>
internal sealed class NeatClaim : IClaim
{
    private const int TeacherRank = 10;
    private const int Rows = 1000;
    private const int Epochs = 5;
    private const int Rounds = 5;

    private static readonly double[] s_rates = [3e-3, 1e-2, 3e-2];

    public string Method => "neat";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var wide = Both(settings, 256, new PeanutOptions { Rank = TeacherRank }, new LoraOptions { Rank = 4, Alpha = 4 });
        yield return new(
            Method,
            "an update that is a network of the weight (256 inputs, 64 outputs): at 1,280 numbers the best of NEAT's runs leaves at most 0.6 times the relative squared error of LoRA's best",
            $"best {wide.Ours.Min():G3} and {wide.Lora.Min():G3}; NEAT {Interval.Of(wide.Ours)}, LoRA {Interval.Of(wide.Lora)}",
            ClaimResult.Of(wide.Ours.Min() <= 0.6 * wide.Lora.Min()));

        var square = Both(settings, 64, new PeanutOptions { Rank = TeacherRank }, new LoraOptions { Rank = TeacherRank, Alpha = TeacherRank });
        yield return new(
            Method,
            "on a square layer LoRA of the same rank, which has every update that NEAT has, is not worse",
            $"NEAT {Interval.Of(square.Ours)}, LoRA {Interval.Of(square.Lora)}",
            ClaimResult.Of(square.Lora.Average() <= square.Ours.Average()));

        foreach (var result in Text(settings))
        {
            yield return result;
        }

        yield return Cost(settings);
    }

    private static (double[] Ours, double[] Lora) Both(ClaimSettings settings, int inputs, PeanutOptions neat, LoraOptions lora)
    {
        var steps = settings.Steps(1500);
        return (Errors(neat), Errors(lora));

        double[] Errors(AdapterOptions options)
        {
            var rate = s_rates.MinBy(r => Error(options, inputs, steps, r, 100));
            return [.. settings.SeedNumbers.Select(seed => Error(options, inputs, steps, rate, seed))];
        }
    }

    private static double Error(AdapterOptions options, int inputs, int steps, double rate, int seed)
    {
        const int Outputs = 64;
        using var scope = NewDisposeScope();
        random.manual_seed(seed);
        var weight = RandomMatrices.Dense(Outputs, inputs);
        var shift = randn(Outputs, TeacherRank).mm(RandomMatrices.Dense(TeacherRank, Outputs).mm(weight).clamp_min(0));
        var x = randn(4096, inputs);
        var y = nn.functional.linear(x, weight + shift);
        using var fit = new LayerFit(options, [new("layer", weight)], seed);
        fit.Train(
            step =>
            {
                var rows = randint(4096, [256]);
                return (fit.Layers[0].call(x.index_select(0, rows)) - y.index_select(0, rows)).square().mean();
            },
            steps,
            rate);
        using var _ = no_grad();
        return RandomMatrices.RelativeError(fit.Layers[0].call(eye(inputs)).t(), weight + shift, shift);
    }

    private IEnumerable<ClaimResult> Text(ClaimSettings settings)
    {
        var task = new TextTask(settings, Rows);
        var targets = TargetModules.Matching(@".*\.layer\.\d+\.output\.dense");
        foreach (var (rank, width) in ((int, int)[])[(4, 10), (1, 2)])
        {
            var lora = TextArm.Train(task, settings, new LoraOptions { Rank = rank, Alpha = 2 * rank, TargetModules = targets }, TextArm.UsualRates, Epochs);
            var ours = TextArm.Train(task, settings, new PeanutOptions { Rank = width, TargetModules = targets }, s_rates, Epochs);
            var above = ours.Above(lora);
            yield return new(
                Method,
                rank == 1
                    ? "debian-sections with 1,000 rows (in place of a transformer of its own), at the smallest budget (LoRA of rank 1, NEAT of width 2, which has fewer numbers): NEAT is better"
                    : "debian-sections with 1,000 rows (in place of a transformer of its own), LoRA of rank 4 and NEAT of width 10, as many numbers: NEAT is at most half a point below",
                $"{above.ToString("F1")} points: NEAT {ours}, LoRA {lora}",
                ClaimResult.Of(above.Mean >= (rank == 1 ? 0 : -0.5)));
        }
    }

    private ClaimResult Cost(ClaimSettings settings)
    {
        const int Width = 1024;
        const int Tokens = 64;
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var (weight, x, steps) = (RandomMatrices.Dense(Width, Width), randn(Tokens, Width), settings.Steps(100));
        using var lora = new LayerFit(new LoraOptions { Rank = 8, Alpha = 16 }, [new("layer", weight)], 1);
        using var neat = new LayerFit(new PeanutOptions { Rank = 8 }, [new("layer", weight)], 1);
        var ratio = StepClock.Ratio("cpu", () => Train(neat), () => Train(lora), Rounds, 1);
        return new(
            Method,
            "a layer of 1024 × 1024 with 64 tokens, 8 wide: a training step of NEAT, which does not make its update whole, takes at most 1.15 times the processor time of LoRA's",
            string.Create(CultureInfo.InvariantCulture, $"{ratio.ToString("F2")} times, over {Rounds} rounds of {steps} steps"),
            ClaimResult.Of(ratio.Mean <= 1.15));

        // The gradient goes on to the layers below, as in the middle of a model.
        void Train(LayerFit fit) => fit.Train(_ => fit.Layers[0].call(x.detach().requires_grad_(true)).square().mean(), steps, 1e-4);
    }
}
