using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Procedures.ZeroShot;
using static TorchSharp.torch;

namespace Bench.Claims.ClipSvd;

/// <summary>CLIP-SVD (Koleilat et al. 2025, arXiv:2509.03740): the singular values of CLIP's matrices are enough for a few pictures a class, most of all for very few, and spare the
/// classes that were not among them.</summary>
/// <remarks>The paper adapts ViT-B/16 to eleven sets of pictures. Here it is <see cref="ToyClip"/>, whose pictures change: colours run into each other, contrast is low, noise is strong,
/// and the sentences are others. Half of the 36 classes are shown, the others held out. All sides run the same steps on the same pictures, each at the learning rate that was best with
/// four pictures a class on a model, pictures and classes' order of another seed.</remarks>
internal sealed class ClipSvdClaim : IClaim
{
    private const int PretrainingSteps = 1200;
    private const int StepsPerShot = 200;
    private const int TestPictures = 20;
    private const string Template = "drawing shows {}";

    private static readonly int[] s_shots = [1, 4, 16];

    private static readonly Arm[] s_arms =
    [
        new("CLIP-SVD", new ClipSvdOptions(), [3e-3, 1e-2, 3e-2, 1e-1]),
        new("LoRA", new LoraOptions { Rank = 2, Alpha = 2, TargetModules = TargetModules.Named("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2") }, [1e-3, 3e-3, 1e-2, 3e-2]),
        new("full fine-tuning", null, [1e-4, 3e-4, 1e-3, 3e-3]),
    ];

    public string Method => "clip-svd";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        double[] rates;
        using (var other = new ToyClip(100, settings.Steps(PretrainingSteps)))
        {
            rates = [.. s_arms.Select(arm => arm.Rates.MaxBy(rate => Adapt(settings, other, arm, 4, rate, 100).Shown))];
        }

        var zero = new List<(double Shown, double HeldOut)>();
        var runs = s_arms.ToDictionary(arm => arm.Name, _ => s_shots.ToDictionary(shots => shots, _ => new List<(double Shown, double HeldOut)>()));
        var counts = new long[s_arms.Length];
        foreach (var seed in settings.SeedNumbers)
        {
            using var clip = new ToyClip(seed, settings.Steps(PretrainingSteps));
            zero.Add((Accuracy(clip, null, true, seed), Accuracy(clip, null, false, seed)));
            for (var k = 0; k < s_arms.Length; k++)
            {
                foreach (var shots in s_shots)
                {
                    var run = Adapt(settings, clip, s_arms[k], shots, rates[k], seed);
                    counts[k] = run.Numbers;
                    runs[s_arms[k].Name][shots].Add((run.Shown, run.HeldOut));
                }
            }
        }

        var (svd, lora, whole) = (runs["CLIP-SVD"], runs["LoRA"], runs["full fine-tuning"]);
        var above = Interval.OfDifferences(Shown(svd[4]), Shown(zero));
        yield return new(
            Method,
            "toy CLIP, four pictures a class of another domain: the singular values, 1,536 numbers, bring at least 5 points over zero-shot",
            Text($"{above.ToString("F1")} points: {Interval.Of(Shown(zero)).ToString("F1")} % zero-shot, {Interval.Of(Shown(svd[4])).ToString("F1")} % ({counts[0]:N0} numbers, rate {rates[0]})"),
            ClaimResult.Of(above.Mean >= 5));

        var (one, four, sixteen) = (Difference(1), Difference(4), Difference(16));
        yield return new(
            Method,
            "with one picture a class and with four they are at most a point below LoRA of rank 2, six times the numbers",
            Text($"{one.ToString("F1")} and {four.ToString("F1")} points against {Interval.Of(Shown(lora[1])).ToString("F1")} % and {Interval.Of(Shown(lora[4])).ToString("F1")} % (LoRA {counts[1]:N0} numbers, rate {rates[1]})"),
            ClaimResult.Of(one.Mean >= -1, four.Mean >= -1));
        yield return new(
            Method,
            "what they are ahead of LoRA is more with one picture a class than with sixteen",
            Text($"{one.ToString("F1")}, {four.ToString("F1")} and {sixteen.ToString("F1")} points with 1, 4 and 16"),
            ClaimResult.Of(one.Mean > sixteen.Mean));

        var (lostBySvd, lostByWhole) = (Lost(svd[4]), Lost(whole[4]));
        yield return new(
            Method,
            "four pictures a class: on the classes that were held out they lose less than full fine-tuning",
            Text($"lost {lostBySvd.ToString("F1")} and {lostByWhole.ToString("F1")} points of {Interval.Of([.. zero.Select(r => r.HeldOut)]).ToString("F1")} % zero-shot; shown classes {Interval.Of(Shown(svd[4])).ToString("F1")} % and {Interval.Of(Shown(whole[4])).ToString("F1")} % (full: rate {rates[2]})"),
            ClaimResult.Of(lostBySvd.Mean < lostByWhole.Mean));

        Interval Difference(int shots) => Interval.OfDifferences(Shown(svd[shots]), Shown(lora[shots]));

        Interval Lost(List<(double Shown, double HeldOut)> adapted) => Interval.OfDifferences([.. zero.Select(r => r.HeldOut)], [.. adapted.Select(r => r.HeldOut)]);

        static IReadOnlyList<double> Shown(List<(double Shown, double HeldOut)> of) => [.. of.Select(r => r.Shown)];

        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }

    private static (double Shown, double HeldOut, long Numbers) Adapt(ClaimSettings settings, ToyClip clip, Arm arm, int shots, double rate, int seed)
    {
        using var set = arm.Options is { } options ? AdapterSet.Create("new", options, clip.Model.Backbone, new CopiedModules([], []), seed) : clip.Whole();
        using var classifier = Classifier(clip, set, shown: true);
        using var scope = NewDisposeScope();
        int[] labels = [.. Enumerable.Range(0, classifier.Prompts.Classes.Count * shots).Select(k => k / shots)];
        var pixels = ToyPictures.Draw([.. labels.Select(label => Chosen(true)[label])], new Random(seed + 1000), shifted: true);
        try
        {
            FewShotTraining.Fit(classifier, pixels, labels, new FewShotOptions { StepsPerShot = settings.Steps(StepsPerShot), LearningRate = rate, Seed = seed });
        }
        catch (PeftException error) when (error.Message.StartsWith("The loss is", StringComparison.Ordinal))
        {
            return (0, 0, set.TrainableCount); // this learning rate is too high
        }

        return (Accuracy(clip, set, true, seed), Accuracy(clip, set, false, seed), set.TrainableCount);
    }

    // In percent, among the shown classes or among the held-out ones.
    private static double Accuracy(ToyClip clip, AdapterSet? set, bool shown, int seed)
    {
        using var classifier = Classifier(clip, set, shown);
        using var scope = NewDisposeScope();
        int[] labels = [.. Enumerable.Range(0, classifier.Prompts.Classes.Count * TestPictures).Select(k => k / TestPictures)];
        return 100 * classifier.Accuracy(ToyPictures.Draw([.. labels.Select(label => Chosen(shown)[label])], new Random(seed + 2000), shifted: true), labels);
    }

    private static ZeroShotClassifier Classifier(ToyClip clip, AdapterSet? set, bool shown)
        => new(clip.Model, new ClassPrompts([.. Chosen(shown).Select(k => ToyPictures.Classes[k])], [Template]), ToyClip.Encode, 0, set);

    // As on a chessboard, so that every colour and every shape is among both.
    private static int[] Chosen(bool shown) => [.. Enumerable.Range(0, ToyPictures.Classes.Count).Where(k => ((k / 6) + (k % 6)) % 2 == (shown ? 0 : 1))];

    /// <summary>One side of the comparison; without options it trains every layer.</summary>
    private sealed record Arm(string Name, AdapterOptions? Options, double[] Rates);
}
