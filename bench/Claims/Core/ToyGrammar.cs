namespace Bench.Claims.Core;

/// <summary>A made-up language: which tokens may follow depends on the last token and on the kind of the one before it.</summary>
/// <remarks>64 words of 4 kinds give 256 contexts; in each four words can follow, with the shares 0.6, 0.2, 0.15 and 0.05, so that no model has a loss below 1.063 a token. A
/// sentence begins with a sign for its grammar.</remarks>
internal sealed class ToyGrammar
{
    private const int Words = 64;
    private const int Kinds = 4;
    private const int Signs = 4;

    private static readonly double[] s_upTo = [0.6, 0.8, 0.95, 1];

    private readonly int _sign;
    private readonly int[][] _followers;

    /// <summary>Draws a grammar.</summary>
    /// <param name="sign">Its sign: 0 to 3.</param>
    /// <param name="random">Where its words come from.</param>
    public ToyGrammar(int sign, Random random)
    {
        _sign = Words + sign;
        _followers = [.. Enumerable.Range(0, Words * Kinds).Select(_ => Four(random))];
    }

    private ToyGrammar(int sign, int[][] followers) => (_sign, _followers) = (sign, followers);

    /// <summary>The same grammar with other followers in a share of its contexts.</summary>
    public ToyGrammar Shifted(double share, Random random) => new(_sign - Words, [.. _followers.Select(four => random.NextDouble() < share ? Four(random) : four)]);

    /// <summary>Count of tokens of all grammars.</summary>
    public static int Tokens => Words + Signs;

    /// <summary>Grammars that a model is trained on, one a sign.</summary>
    public static IReadOnlyList<ToyGrammar> Mixture(Random random) => [.. Enumerable.Range(0, Signs).Select(sign => new ToyGrammar(sign, random))];

    /// <summary>Sentences of one length.</summary>
    public static IReadOnlyList<int[]> Draw(IReadOnlyList<ToyGrammar> grammars, int rows, int length, Random random)
        => [.. Enumerable.Range(0, rows).Select(row => grammars[row % grammars.Count].Sentence(length, random))];

    private int[] Sentence(int length, Random random)
    {
        var tokens = new int[length];
        (tokens[0], tokens[1], tokens[2]) = (_sign, random.Next(Words), random.Next(Words));
        for (var k = 3; k < length; k++)
        {
            var draw = random.NextDouble();
            tokens[k] = _followers[(tokens[k - 1] * Kinds) + (tokens[k - 2] % Kinds)][Array.FindIndex(s_upTo, limit => draw < limit)];
        }

        return tokens;
    }

    private static int[] Four(Random random)
    {
        var words = Enumerable.Range(0, Words).ToArray();
        random.Shuffle(words);
        return words[..s_upTo.Length];
    }
}
