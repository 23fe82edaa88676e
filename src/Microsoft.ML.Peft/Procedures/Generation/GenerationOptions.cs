namespace Microsoft.ML.Peft.Procedures.Generation;

/// <summary>How a model continues a text.</summary>
public sealed record GenerationOptions
{
    /// <summary>Most tokens to add to a row: 1 or more. Default 128.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>Divides the scores before a token is drawn: above 1 for more variety, below 1 for less. 0, the default, takes the best token each time.</summary>
    public double Temperature { get; init; }

    /// <summary>Draw among the best of that many tokens only; 0, the default, for all.</summary>
    public int TopK { get; init; }

    /// <summary>Draw among the best tokens that together have this probability: above 0 to 1. Default 1, all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Makes tokens that the row has already less likely: scores above 0 are divided by it, others multiplied. Above 0; default 1, off.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Tokens that end a row; they are not part of the result. Default null: the model's <c>eos_token_id</c>.</summary>
    public IReadOnlyList<int>? StopTokens { get; init; }

    /// <summary>Seed of the draws. A row's draws do not depend on the other rows.</summary>
    public int Seed { get; init; }

    /// <summary>Remember keys and values of earlier tokens. Default true; false computes every token anew each time, for comparison.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is outside its range.</exception>
    public void Validate()
    {
        Guard.AtLeast(MaxNewTokens, 1);
        Guard.AtLeast(Temperature, 0.0);
        Guard.AtLeast(TopK, 0);
        Guard.InRange(TopP, double.Epsilon, 1.0);
        Guard.Positive(RepetitionPenalty);
    }
}
