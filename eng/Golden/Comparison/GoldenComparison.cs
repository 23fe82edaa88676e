using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Peft.Golden;

/// <summary>What came of a case.</summary>
internal enum GoldenVerdict
{
    Equal,
    Different,
    Skipped,
}

/// <summary>What came of a case, with the differences or the reason.</summary>
internal sealed record GoldenResult(GoldenCase Case, GoldenVerdict Verdict, IReadOnlyList<Difference> Differences, string Reason)
{
    public override string ToString()
    {
        var verdict = $"{Verdict.ToString().ToLowerInvariant(),-9}  {Case}";
        if (Differences.Count == 0)
        {
            return $"{verdict}: {Reason}";
        }

        // One number for all gradients would hide which of them is wrong; one line of numbers shows them all.
        return $"{verdict}: {string.Join(", ", Differences)}{(Reason.Length > 0 ? $"; {Reason}" : "")}";
    }
}

/// <summary>Computes a case and compares all that was recorded: outputs, loss, gradients, a short training run, merged outputs.</summary>
internal static class GoldenComparison
{
    private const string Gradient = "grad.";
    private const string Merged = "merged.";

    /// <summary>Compares a case; errors become verdicts.</summary>
    public static GoldenResult Run(GoldenCase @case)
    {
        using var scope = NewDisposeScope();
        if (CombinationComparison.Is(@case))
        {
            try
            {
                var combined = CombinationComparison.Run(@case);
                return new(@case, combined.All(d => d.IsEqual) ? GoldenVerdict.Equal : GoldenVerdict.Different, combined, "");
            }
            catch (Exception error)
            {
                return new(@case, GoldenVerdict.Different, [], $"{error.GetType().Name}: {error.Message}");
            }
        }

        if (@case.Adapter is not null && !File.Exists(Path.Combine(@case.Folder, "adapter_config.json")))
        {
            return new(@case, GoldenVerdict.Skipped, [], "it has neither adapter_config.json nor case.json; this tool compares models, adapters and combinations of adapters.");
        }

        GoldenModel model;
        try
        {
            model = GoldenModel.Load(@case);
        }
        catch (PeftException error) // the library lacks something; a file that it should read and does not is another error
        {
            return new(@case, GoldenVerdict.Skipped, [], error.Message);
        }
        catch (Exception error)
        {
            return new(@case, GoldenVerdict.Different, [], $"{error.GetType().Name}: {error.Message}");
        }

        using (model)
        {
            IReadOnlyList<Difference> differences = [];
            string reason;
            try
            {
                var found = new List<Difference>();
                differences = found;
                reason = Compare(model, found);
                if (!found.TrueForAll(d => d.IsEqual))
                {
                    differences = Rounding.Judge(@case, found, (moved, those) => Compare(moved, those));
                }
            }
            catch (Exception error)
            {
                return new(@case, GoldenVerdict.Different, differences, $"{error.GetType().Name}: {error.Message}");
            }

            return new(@case, differences.All(d => d.IsEqual) ? GoldenVerdict.Equal : GoldenVerdict.Different, differences, reason);
        }
    }

    /// <summary>Name of a parameter in adapter_model.safetensors from its name in peft's memory.</summary>
    /// <param name="memoryName">The name in memory.</param>
    /// <param name="names">The names that there are: a tensor that layers share is in memory called by the first of them.</param>
    public static string FileName(string memoryName, IEnumerable<string> names)
    {
        var name = FileName(memoryName);
        const string shared = "base_model.";
        return names.FirstOrDefault(known => known == name)
            ?? names.FirstOrDefault(known => !known.StartsWith("base_model.model.", StringComparison.Ordinal)
                && known.StartsWith(shared, StringComparison.Ordinal) && name.EndsWith(known[(shared.Length - 1)..], StringComparison.Ordinal))
            ?? name;
    }

    private static string FileName(string memoryName)
    {
        var name = memoryName.Replace("prompt_encoder.default.embedding.weight", LostEncoder.Made, StringComparison.Ordinal)
            .Replace("prompt_encoder.default.delta_embedding.weight", "delta", StringComparison.Ordinal)
            .Replace("prompt_encoder.default.", "", StringComparison.Ordinal)
            .Replace(".modules_to_save.default.", ".", StringComparison.Ordinal).Replace(".default.", ".", StringComparison.Ordinal);
        name = name.Replace("lora_magnitude_vector.weight", "lora_magnitude_vector", StringComparison.Ordinal);
        return name.EndsWith(".default", StringComparison.Ordinal) ? name[..^".default".Length] : name;
    }

    // Gives what to say besides.
    private static string Compare(GoldenModel model, List<Difference> differences)
    {
        var expected = model.Expected();
        using var context = model.Adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(model.Adapter);
        var output = model.Forward(context);
        foreach (var name in expected.Keys.Where(IsOutput).Order(StringComparer.Ordinal))
        {
            differences.Add(Difference.Of(name, expected[name], output[name]));
        }

        var loss = model.LossOf(output);
        differences.Add(Difference.Of("loss", expected["loss"].reshape(1), loss.reshape(1)));
        if (model.Adapter is null)
        {
            return "";
        }

        loss.backward();
        var parameters = model.Adapter.Parameters().ToDictionary(p => p.FileName, p => p.Parameter, StringComparer.Ordinal);
        CompareGradients(expected, parameters, differences);

        // Merging first: training changes the adapter.
        var reasons = new List<string>();
        if (Deviations.Merging.TryGetValue(model.Case.ToString(), out var unmerged))
        {
            differences.Add(new("merged (refused)", IsMergingRefused(model) ? 0 : double.PositiveInfinity));
            reasons.Add(unmerged);
        }
        else
        {
            CompareMerged(model, expected, differences);
        }

        foreach (var parameter in parameters.Values)
        {
            parameter.grad = null;
        }

        if (LostEncoder.IsIn(expected.Keys))
        {
            return LostEncoder.Reason(expected.Keys);
        }

        if (Deviations.Training.TryGetValue(model.Case.ToString(), out var untrained))
        {
            reasons.Add(untrained);
        }
        else if (expected.TryGetValue("train_losses", out var losses))
        {
            differences.Add(Difference.Of("train_losses", losses, Train(model, context, (int)losses.numel())));
        }

        return string.Join("; ", reasons);
    }

    private static bool IsMergingRefused(GoldenModel model)
    {
        try
        {
            using var merged = model.Adapter!.Merge();
            return false;
        }
        catch (PeftException)
        {
            return true;
        }
    }

    private static bool IsOutput(string name)
        => name is not ("loss" or "train_losses" or "reloaded_max_abs_diff")
            && !name.StartsWith(Gradient, StringComparison.Ordinal) && !name.StartsWith(Merged, StringComparison.Ordinal);

    private static void CompareGradients(Dictionary<string, Tensor> expected, Dictionary<string, Parameter> parameters, List<Difference> differences)
    {
        var recorded = expected.Keys.Where(key => key.StartsWith(Gradient, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        if (LostEncoder.IsIn(recorded))
        {
            differences.Add(LostEncoder.Compare(expected, parameters));
            recorded = [.. recorded.Where(key => !LostEncoder.Holds(key))];
            parameters = parameters.Where(p => p.Key != LostEncoder.Made).ToDictionary(StringComparer.Ordinal);
        }

        var largest = recorded.Select(key => Difference.Largest(expected[key])).DefaultIfEmpty(0).Max();
        foreach (var key in recorded)
        {
            var name = FileName(key[Gradient.Length..], parameters.Keys);
            var gradient = parameters.TryGetValue(name, out var parameter) ? parameter.grad : null;

            // A millionth of the others is zero but for rounding, such as a bias that moves all scores of a softmax alike.
            var least = Difference.Largest(expected[key]) < 1e-6 * largest ? largest : 1e-6;
            differences.Add(gradient is null ? new(key, double.PositiveInfinity) : Difference.Of(key, expected[key], gradient, least));
        }

        // A parameter that layers share has one gradient, recorded under the first of its names.
        var known = recorded.Select(key => parameters.GetValueOrDefault(FileName(key[Gradient.Length..], parameters.Keys)))
            .ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var extra in parameters.Where(p => p.Value.requires_grad && !known.Contains(p.Value)).Select(p => p.Key).Order(StringComparer.Ordinal))
        {
            differences.Add(new($"{Gradient}{extra} (not trained by peft)", double.PositiveInfinity));
        }
    }

    private static void CompareMerged(GoldenModel model, Dictionary<string, Tensor> expected, List<Difference> differences)
    {
        var recorded = expected.Keys.Where(key => key.StartsWith(Merged, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        if (recorded.Count == 0)
        {
            return; // peft cannot merge it
        }

        using var _ = no_grad();
        using var bare = ForwardContext.Predicting();
        using var merged = model.Adapter!.Merge();
        var output = model.Forward(bare);
        foreach (var key in recorded)
        {
            var name = key[Merged.Length..];
            var actual = name == "loss" ? model.Model.Head.Loss(output, model.Targets).reshape(1) : output[name];
            differences.Add(Difference.Of(key, name == "loss" ? expected[key].reshape(1) : expected[key], actual));
        }
    }

    /// <summary>AdamW on the one batch, without dropout: the loss before each step.</summary>
    private static Tensor Train(GoldenModel model, ForwardContext context, int steps)
    {
        const double LearningRate = 5e-3;
        using var optimizer = new FlatAdamW(model.Adapter!.TrainedParameters(), weightDecay: 0.01);
        using var training = model.Adapter.CreateTraining();
        var losses = new float[steps];
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var loss = model.Loss(context);
            losses[step] = loss.item<float>();
            loss.backward();
            optimizer.Step(LearningRate, maxGradientNorm: 0);
            training?.AfterStep(new(step, steps, LearningRate));
        }

        return tensor(losses);
    }
}
