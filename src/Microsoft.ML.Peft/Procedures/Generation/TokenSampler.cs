namespace Microsoft.ML.Peft.Procedures.Generation;

/// <summary>Chooses the tokens of one row from their scores.</summary>
/// <remarks>In the order of Hugging Face's generate: repetition penalty, temperature, top-k, top-p, draw.</remarks>
internal sealed class TokenSampler
{
    private readonly GenerationOptions _options;
    private readonly HashSet<int> _seen;
    private readonly Random _random;

    /// <summary>Starts a row.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="row">Its number; gives it draws of its own.</param>
    /// <param name="prompt">Its first tokens.</param>
    public TokenSampler(GenerationOptions options, int row, IEnumerable<int> prompt)
    {
        (_options, _seen) = (options, [.. prompt]);
        _random = new Random(unchecked((options.Seed * 1_000_003) + row));
    }

    /// <summary>The next token. The scores are changed.</summary>
    /// <exception cref="PeftException">A score is no number.</exception>
    public int Next(Span<float> scores)
    {
        if (_options.RepetitionPenalty != 1)
        {
            var penalty = (float)_options.RepetitionPenalty;
            foreach (var id in _seen)
            {
                scores[id] = scores[id] > 0 ? scores[id] / penalty : scores[id] * penalty;
            }
        }

        var best = Best(scores);
        if (float.IsNaN(scores[best]) || float.IsInfinity(scores[best]))
        {
            throw new PeftException("The model's scores are no numbers; its weights or an adapter of it are broken.");
        }

        var token = _options.Temperature == 0 ? best : Draw(scores, scores[best]);
        _seen.Add(token);
        return token;
    }

    private static int Best(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var k = 1; k < scores.Length; k++)
        {
            if (scores[k] > scores[best] || float.IsNaN(scores[k]))
            {
                best = k;
            }
        }

        return best;
    }

    private int Draw(ReadOnlySpan<float> scores, float largest)
    {
        var weights = new double[scores.Length]; // probabilities but for a factor
        double total = 0;
        for (var k = 0; k < weights.Length; k++)
        {
            total += weights[k] = Math.Exp((scores[k] - largest) / _options.Temperature);
        }

        var kept = Kept(weights, total);
        var sum = kept.Sum(id => weights[id]);
        var point = _random.NextDouble() * sum;
        foreach (var id in kept)
        {
            point -= weights[id];
            if (point < 0)
            {
                return id;
            }
        }

        return kept[^1];
    }

    // The ids that may be drawn, best first.
    private int[] Kept(double[] weights, double total)
    {
        // All tokens below this weight together are less than what top-p leaves out, so they need not be sorted.
        var floor = _options.TopK == 0 ? (1 - _options.TopP) * total / weights.Length : 0;
        int[] order = [.. Enumerable.Range(0, weights.Length).Where(id => weights[id] > floor)];
        if (_options.TopK == 0 && _options.TopP == 1)
        {
            return order;
        }

        Array.Sort(order, (a, b) => weights[a] != weights[b] ? weights[b].CompareTo(weights[a]) : a.CompareTo(b));
        if (_options.TopK > 0 && _options.TopK < order.Length)
        {
            order = order[.._options.TopK];
            total = order.Sum(id => weights[id]);
        }

        var count = 0;
        for (double before = 0; count < order.Length && (count == 0 || before < _options.TopP * total); count++)
        {
            before += weights[order[count]];
        }

        return order[..count];
    }
}
