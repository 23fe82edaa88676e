using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.Neat;

/// <summary>NEAT, also PEANuT (Zhong et al. 2024, arXiv:2410.01870): a small network of the frozen weight does better than LoRA with as many numbers.</summary>
/// <remarks>First a layer of 256 inputs and 64 outputs whose update is such a network, learnt from 4,096 rows: NEAT of width 10 and LoRA of rank 4 have 1,280 numbers each. The
/// control is a square layer at one rank, where LoRA can represent every update of NEAT. Then a decoder of width 128 with feed-forward parts four times as wide, the last layer of each,
/// and the time of a step.</remarks>
internal sealed class NeatClaim : IClaim
{
    private const int TeacherRank = 10;
    private const int Rounds = 5;

    private static readonly double[] s_rates = [3e-3, 1e-2, 3e-2];
    private static readonly int[] s_scales = [1, 4, 32];

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

        foreach (var result in Decoder(settings).Concat(Costs(settings)))
        {
            yield return result;
        }
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

    private IEnumerable<ClaimResult> Decoder(ClaimSettings settings)
    {
        using var task = new DecoderTask(settings, 4, inner: 512);
        var targets = TargetModules.Named("down_proj");
        foreach (var (rank, width) in ((int, int)[])[(4, 10), (1, 2)])
        {
            var lora = task.Train([.. s_scales.Select(scale => new LoraOptions { Rank = rank, Alpha = scale * rank, TargetModules = targets })], s_rates);
            var ours = task.Train([.. s_scales.Select(scale => new PeanutOptions { Rank = width, Scaling = scale, TargetModules = targets })], s_rates);
            var above = ours.PointsAbove(lora);
            const string Task = "a decoder of four blocks learns a grammar that has shifted, by its down projections alone (512 inputs, 128 outputs), scales of 1, 4 and 32 and rates tuned on both sides; ";
            yield return new(
                Method,
                rank == 1
                    ? Task + "at the smallest budget (LoRA of rank 1, NEAT of width 2, which has fewer numbers): NEAT is better"
                    : Task + "LoRA of rank 4 and NEAT of width 10, as many numbers: NEAT is at most half a point below",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{above.ToString("F1")} points of next tokens; loss of NEAT with scale {((PeanutOptions)ours.Options).Scaling} {ours}, of LoRA with {((LoraOptions)lora.Options).Alpha / rank} {lora}; before {task.LossBefore.ToString("F2")}, the language's own 1.063"),
                ClaimResult.Of((rank == 1 ? above.Mean > 0 : above.Mean >= -0.5) && ours.Trained <= lora.Trained));
        }
    }

    private IEnumerable<ClaimResult> Costs(ClaimSettings settings)
    {
        yield return Cost(
            settings,
            64,
            new PeanutOptions { Rank = 8, Materializes = true },
            "a layer of 1024 × 1024 with 64 tokens, 8 wide: a training step of NEAT that makes its update whole takes at least 1.3 times the processor time of LoRA's",
            ratio => ratio >= 1.3);
        yield return Cost(
            settings,
            64,
            new PeanutOptions { Rank = 8 },
            "there one that does not make it takes at most 1.15 times",
            ratio => ratio <= 1.15);
        yield return Cost(
            settings,
            512,
            new PeanutOptions { Rank = 8 },
            "so with 512 tokens, a batch of 16 rows of 32",
            ratio => ratio <= 1.15);
    }

    private ClaimResult Cost(ClaimSettings settings, int tokens, PeanutOptions options, string claim, Func<double, bool> holds)
    {
        const int Width = 1024;
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var (weight, x, steps) = (RandomMatrices.Dense(Width, Width), randn(tokens, Width), settings.Steps(100));
        using var lora = new LayerFit(new LoraOptions { Rank = 8, Alpha = 16 }, [new("layer", weight)], 1);
        using var neat = new LayerFit(options, [new("layer", weight)], 1);
        var ratio = StepClock.Ratio("cpu", () => Train(neat), () => Train(lora), Rounds, 1);
        return new(Method, claim, string.Create(CultureInfo.InvariantCulture, $"{ratio.ToString("F2")} times, over {Rounds} rounds of {steps} steps"), ClaimResult.Of(holds(ratio.Mean)));

        // The gradient goes on to the layers below, as in the middle of a model.
        void Train(LayerFit fit) => fit.Train(_ => fit.Layers[0].call(x.detach().requires_grad_(true)).square().mean(), steps, 1e-4);
    }
}
