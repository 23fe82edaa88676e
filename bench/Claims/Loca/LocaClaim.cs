using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Bench.Claims.Loca;

/// <summary>LoCA (Du et al. 2025, arXiv:2502.06820): chosen places of cosine coefficients hold more of an update than a low rank, and learning places beats drawing them.</summary>
/// <remarks>Both parts are on a square of 96 with 192 numbers, as many as a LoRA of rank 1 has. First without training: what share of the energy of a random matrix each form keeps at best.
/// Then a regression whose update has its cosine coefficients in four bumps; the places move in the first half of the steps. The paper's GLUE runs are replaced by debian-sections
/// on models/bert-docs.</remarks>
internal sealed class LocaClaim : IClaim
{
    private const int Size = 96;
    private const int Numbers = 192;
    private const int Steps = 3000;
    private const int Batch = 64;
    private const int Rows = 1500;
    private const int Epochs = 4;
    private const int Frequencies = 500;

    private static readonly double[] s_rates = [3e-3, 1e-2, 2e-2, 4e-2];

    public string Method => "loca";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        yield return Energy(settings);
        foreach (var result in Places(settings))
        {
            yield return result;
        }

        yield return Text(settings);
    }

    private ClaimResult Energy(ClaimSettings settings)
    {
        using var scope = NewDisposeScope();
        var (best, rank1, drawn) = (new List<double>(), new List<double>(), new List<double>());
        foreach (var seed in settings.SeedNumbers)
        {
            random.manual_seed(seed);
            var matrix = randn(Size, Size);
            var all = matrix.square().sum().item<float>();
            var energies = Cosines().mm(matrix).mm(Cosines().t()).square().view(-1);
            best.Add(100 * energies.sort(descending: true).Values.narrow(0, 0, Numbers).sum().item<float>() / all);
            drawn.Add(100 * energies.index_select(0, randperm(Size * Size).narrow(0, 0, Numbers)).sum().item<float>() / all);
            rank1.Add(100 * linalg.svdvals(matrix)[0].square().item<float>() / all);
        }

        var (a, b, c) = (Interval.Of(best), Interval.Of(rank1), Interval.Of(drawn));
        return new(
            Method,
            "a random matrix (96 × 96), 192 numbers: the best cosine coefficients keep 15 % of the energy, rank 1 4.2 %, coefficients at drawn places 2.1 %, each to 1.5 points",
            $"{a.ToString("F1")} %, {b.ToString("F1")} %, {c.ToString("F1")} %",
            ClaimResult.Of(a.Mean > b.Mean && b.Mean > c.Mean, Math.Abs(a.Mean - 15) <= 1.5 && Math.Abs(b.Mean - 4.2) <= 1.5 && Math.Abs(c.Mean - 2.1) <= 1.5));
    }

    private IEnumerable<ClaimResult> Places(ClaimSettings settings)
    {
        var steps = settings.Steps(Steps);
        var moving = new LoCaOptions { Frequencies = Numbers, LearnLocationSteps = steps / 2, LocationLearningRate = 1.25e-4 }; // 1e-3 on this size
        var still = moving with { LearnLocationSteps = 0 };
        var (learnt, drawn) = (Explained(settings, moving, Bumps, steps), Explained(settings, still, Bumps, steps));
        var lora = Explained(settings, new LoraOptions { Rank = 1, Alpha = 1 }, Bumps, steps);
        var (white, whiteDrawn) = (Explained(settings, moving, White, steps, learnt.Rate), Explained(settings, still, White, steps, drawn.Rate));
        var (l, d) = (Interval.Of(learnt.Shares), Interval.Of(drawn.Shares));
        yield return new(
            Method,
            "an update with its coefficients in four bumps, 192 coefficients: learnt places explain at least 1.4 times as much as drawn ones, and more with every seed",
            Text($"{l.ToString("F1")} % (rate {learnt.Rate}) and {d.ToString("F1")} % (rate {drawn.Rate}): {l.Mean / d.Mean:F1} times; of a white update {Interval.Of(white.Shares).ToString("F1")} % and {Interval.Of(whiteDrawn.Shares).ToString("F1")} %"),
            ClaimResult.Of(l.Mean >= 1.4 * d.Mean, learnt.Shares.Zip(drawn.Shares).All(pair => pair.First > pair.Second)));
        yield return new(
            Method,
            "the same update: learnt places explain more than LoRA of rank 1, which has as many numbers",
            Text($"{l.ToString("F1")} % and {Interval.Of(lora.Shares).ToString("F1")} % (rate {lora.Rate})"),
            ClaimResult.Of(l.Mean > lora.Shares.Average()));

        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }

    private ClaimResult Text(ClaimSettings settings)
    {
        var task = new TextTask(settings, Rows);
        var ours = TextArm.Train(task, settings, new LoCaOptions { Frequencies = Frequencies, Scaling = 1 }, [3e-3, 1e-2, 3e-2], Epochs);
        var lora = TextArm.Train(task, settings, new LoraOptions { Rank = 8, Alpha = 16 }, TextArm.UsualRates, Epochs);
        var above = ours.Above(lora);
        return new(
            Method,
            "debian-sections with 1,500 rows (in place of GLUE): LoCA with 500 coefficients a layer, 12 % of LoRA's numbers, is at most a point below LoRA of rank 8",
            $"{above.ToString("F1")} points: LoCA {ours}, LoRA {lora}; LoCA trains places too while they are learnt",
            ClaimResult.Of(above.Mean >= -1));
    }

    private static (IReadOnlyList<double> Shares, double Rate) Explained(ClaimSettings settings, AdapterOptions options, Func<Tensor> target, int steps, double? given = null)
    {
        var rate = given ?? s_rates.MaxBy(r => Share(options, target, steps, r, 100));
        return ([.. settings.SeedNumbers.Select(seed => 100 * Share(options, target, steps, rate, seed))], rate);
    }

    // 1 − ‖ΔW − target‖²/‖target‖², the share of the energy as in the first part.
    private static double Share(AdapterOptions options, Func<Tensor> update, int steps, double rate, int seed)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(seed);
        var (weight, target) = (RandomMatrices.Dense(Size, Size), update());
        using var fit = new LayerFit(WithSeed(options, seed), [new("layer", weight)], seed);
        fit.Train(
            _ =>
            {
                var x = randn(Batch, Size);
                return (fit.Layers[0].call(x) - nn.functional.linear(x, weight + target)).square().mean();
            },
            steps,
            rate,
            falls: false);
        using var _ = no_grad();
        return 1 - RandomMatrices.RelativeError(fit.Layers[0].call(eye(Size)).t(), weight + target, target);
    }

    private static AdapterOptions WithSeed(AdapterOptions options, int seed) => options is LoCaOptions loca ? loca with { Seed = seed } : options;

    private static Tensor White()
    {
        var update = randn(Size, Size);
        return update * (0.5 * Math.Sqrt(Size) / update.norm().item<float>());
    }

    // The inverse transform of coefficients of random sign under four bumps, of norm ½·√96.
    private static Tensor Bumps()
    {
        const double Width = 4;
        var (rows, columns) = (arange(Size, dtype: ScalarType.Float32).unsqueeze(1), arange(Size, dtype: ScalarType.Float32).unsqueeze(0));
        var heights = zeros(Size, Size);
        for (var k = 0; k < 4; k++)
        {
            var (row, column) = (rand(1).mul(Size), rand(1).mul(Size));
            heights.add_(((rows - row).square() + (columns - column).square()).div(-2 * Width * Width).exp());
        }

        var spectrum = heights * randn(Size, Size).sign();
        return Cosines().t().mm(spectrum).mm(Cosines()) * (0.5 * Math.Sqrt(Size) / spectrum.norm().item<float>());
    }

    // The orthonormal DCT-II.
    private static Tensor Cosines()
    {
        var rows = arange(Size, dtype: ScalarType.Float64).unsqueeze(1);
        var matrix = (rows * (rows.t() + 0.5)).mul(Math.PI / Size).cos().mul(Math.Sqrt(2.0 / Size));
        matrix.narrow(0, 0, 1).div_(Math.Sqrt(2));
        return matrix.to(ScalarType.Float32);
    }
}
