using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Trained tokens that start as vectors of the model's own tokens.</summary>
internal static class TokenStart
{
    /// <summary>The vectors of tokens, in Float32: (ids, dim).</summary>
    public static Tensor Of(EmbeddingLayer words, IReadOnlyList<int> ids)
    {
        if (ids.Any(id => id < 0 || id >= words.Rows))
        {
            throw new PeftException($"A token id is {ids.First(id => id < 0 || id >= words.Rows)}; this model has the ids 0 to {words.Rows - 1}.");
        }

        return words.Weight.index_select(0, tensor(ids.Select(id => (long)id).ToArray(), device: words.Weight.device)).to(ScalarType.Float32, copy: true);
    }

    /// <summary>Ids drawn evenly from the vocabulary.</summary>
    public static int[] Sample(EmbeddingLayer words, int count, Initialization initialization)
    {
        var draws = initialization.Uniform(0.5, count).cpu().data<float>().ToArray();
        return Array.ConvertAll(draws, u => Math.Min((int)((u + 0.5) * words.Rows), (int)words.Rows - 1));
    }

    /// <summary>The ids of a text, repeated or cut to a count.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="count">Count that is needed.</param>
    public static int[] Repeat(IReadOnlyList<int>? ids, int count)
        => ids is { Count: > 0 }
            ? [.. Enumerable.Range(0, count).Select(k => ids[k % ids.Count])]
            : throw new PeftException("The trained tokens are to start from a text whose token ids are not known; set StartIds to the ids that the model's tokenizer gives.");
}

/// <summary>How trained tokens start.</summary>
public enum PromptStart
{
    /// <summary>Standard normal numbers.</summary>
    Random,

    /// <summary>Vectors of tokens drawn from the vocabulary.</summary>
    SampleVocab,

    /// <summary>Vectors of the tokens of a text, repeated or cut to the count.</summary>
    Text,

    /// <summary>The tokens of another adapter, with the mean over its tasks.</summary>
    AverageSourceTasks,

    /// <summary>The tokens of another adapter, with one of its tasks.</summary>
    ExactSourceTask,

    /// <summary>The tokens of another adapter, without its tasks.</summary>
    OnlySourceShared,
}
