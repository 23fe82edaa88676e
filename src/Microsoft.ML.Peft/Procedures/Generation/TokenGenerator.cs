using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures.Generation;

/// <summary>A token that was just chosen.</summary>
/// <param name="Row">Its row.</param>
/// <param name="Index">Its place among the row's new tokens.</param>
/// <param name="Token">Its id.</param>
public readonly record struct GeneratedToken(int Row, int Index, int Token);

/// <summary>Lets a language model continue rows of tokens.</summary>
public static class TokenGenerator
{
    /// <summary>Continues rows of tokens, all at once; rows may differ in length.</summary>
    /// <param name="model">A model with the head <see cref="HeadKind.CausalLanguageModel"/>, whose new tokens follow the prompt,
    /// or <see cref="HeadKind.SequenceToSequence"/>, which reads the prompt and writes a row of its own.</param>
    /// <param name="prompts">Ids of each row, at least one.</param>
    /// <param name="options">How tokens are chosen and when a row ends.</param>
    /// <param name="context">The active adapters; it must be one for predicting.</param>
    /// <param name="onToken">Called with each new token at once, rows in order within a step.</param>
    /// <param name="cancellation">Ends between two tokens.</param>
    /// <returns>The new tokens of each row.</returns>
    /// <exception cref="ArgumentException">A setting is outside its range, the model has no head that writes, or a prompt is empty.</exception>
    /// <exception cref="PeftException">A prompt leaves no room for a token, or the model's scores are no numbers.</exception>
    public static int[][] Generate(
        PretrainedModel model,
        IReadOnlyList<int[]> prompts,
        GenerationOptions options,
        ForwardContext context,
        Action<GeneratedToken>? onToken = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        var head = HeadOf(model, context);
        var pad = model.Backbone.Config.Ints("pad_token_id", -1, head.VocabularySize - 1) is [>= 0 and var id, ..] ? id : 0;
        if (head.StartToken is null)
        {
            var (longest, before) = (prompts.Select(p => p.Length).DefaultIfEmpty(0).Max(), (int)context.TokensBefore);
            var room = head.MaxLength - before - longest;
            if (room < 1)
            {
                var trained = before > 0 ? $", {before} trained ones stand before it," : "";
                throw new PeftException(
                    $"A prompt has {longest} tokens{trained} and the model takes {head.MaxLength}; shorten it so that there is room for new ones.");
            }

            return Run(model, head, new Rows(prompts, null, pad), options with { MaxNewTokens = Math.Min(options.MaxNewTokens, room) }, context, onToken, cancellation);
        }

        using var source = new ModelInputs { Tokens = new TokenBatch(prompts, pad) };
        return Generate(model, source, prompts.Count, options, context, onToken, cancellation);
    }

    /// <summary>Writes a row for each row of an input of any kind, with a model that reads one sequence and writes another.</summary>
    /// <param name="model">A model with the head <see cref="HeadKind.SequenceToSequence"/>.</param>
    /// <param name="source">What the encoder reads.</param>
    /// <param name="rows">Rows of it.</param>
    /// <param name="options">How tokens are chosen and when a row ends.</param>
    /// <param name="context">The active adapters; it must be one for predicting.</param>
    /// <param name="onToken">Called with each new token at once, rows in order within a step.</param>
    /// <param name="cancellation">Ends between two tokens.</param>
    /// <returns>The new tokens of each row, without the start token.</returns>
    /// <exception cref="ArgumentException">A setting is outside its range, or the model has no head that writes so.</exception>
    /// <exception cref="PeftException">The model's scores are no numbers.</exception>
    public static int[][] Generate(
        PretrainedModel model,
        ModelInputs source,
        int rows,
        GenerationOptions options,
        ForwardContext context,
        Action<GeneratedToken>? onToken = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        var head = HeadOf(model, context);
        var start = head.StartToken ?? throw new ArgumentException("This model continues its prompt; give the prompt's tokens.", nameof(source));
        int[][] prompts = [.. Enumerable.Repeat((int[])[start], rows)];
        var longest = options with { MaxNewTokens = Math.Min(options.MaxNewTokens, head.MaxLength - 1) };
        return Run(model, head, new Rows(prompts, source, start), longest, context, onToken, cancellation);
    }

    private static LanguageModelHead HeadOf(PretrainedModel model, ForwardContext context)
    {
        if (context.Training)
        {
            throw new ArgumentException("Generating needs a context made with ForwardContext.Predicting.", nameof(context));
        }

        return model.Head as LanguageModelHead
            ?? throw new ArgumentException(
                $"The head {model.Head.GetType().Name} writes no tokens; load the model as {HeadKind.CausalLanguageModel} or {HeadKind.SequenceToSequence}.",
                nameof(model));
    }

    private static int[][] Run(
        PretrainedModel model,
        LanguageModelHead head,
        Rows rows,
        GenerationOptions options,
        ForwardContext context,
        Action<GeneratedToken>? onToken,
        CancellationToken cancellation)
    {
        using var _ = no_grad();
        var stops = (options.StopTokens ?? model.Backbone.Config.Ints("eos_token_id", 0, int.MaxValue)).ToHashSet();
        var samplers = rows.Prompts.Select((prompt, row) => new TokenSampler(options, row, prompt)).ToArray();
        var results = rows.Prompts.Select(_ => new List<int>()).ToArray();
        var open = Enumerable.Range(0, results.Length).ToHashSet();
        var cache = new KeyValueCache();
        try
        {
            for (var step = 0; step < options.MaxNewTokens && open.Count > 0; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var whole = step == 0 || !options.UseCache || context.ReadsWholeInput || head.ForgetsAt(cache.Length + 1);
                if (whole && step > 0)
                {
                    cache.Dispose();
                    cache = new KeyValueCache();
                }

                var inputs = rows.Inputs(onlyLast: !whole);
                context.Enter(inputs);
                var scores = head.Next(inputs, context, cache).to(ScalarType.Float32).contiguous().data<float>().ToArray();
                var next = new int[results.Length];
                for (var row = 0; row < next.Length; row++)
                {
                    next[row] = rows.Filler;
                    if (!open.Contains(row))
                    {
                        continue;
                    }

                    var token = samplers[row].Next(scores.AsSpan(row * head.VocabularySize, head.VocabularySize));
                    if (stops.Contains(token))
                    {
                        open.Remove(row);
                        continue;
                    }

                    next[row] = token;
                    results[row].Add(token);
                    onToken?.Invoke(new GeneratedToken(row, step, token));
                }

                rows.Add(next);
            }
        }
        finally
        {
            cache.Dispose();
        }

        return [.. results.Select(r => r.ToArray())];
    }

    /// <summary>The rows as they grow; a row that has ended grows by a filler, so that all keep one length.</summary>
    private sealed class Rows(IReadOnlyList<int[]> prompts, ModelInputs? source, int filler)
    {
        private readonly List<int[]> _added = []; // by step, a token of each row

        public IReadOnlyList<int[]> Prompts => prompts;

        public int Filler => filler;

        public void Add(int[] tokens) => _added.Add(tokens);

        /// <summary>What the model is given next: the last tokens alone, or the rows from their start.</summary>
        public ModelInputs Inputs(bool onlyLast)
        {
            int[][] rows = onlyLast
                ? [.. _added[^1].Select(token => (int[])[token])]
                : [.. prompts.Select((prompt, row) => (int[])[.. prompt, .. _added.Select(step => step[row])])];
            var batch = new TokenBatch(rows, filler, padLeft: true);
            return source is null
                ? new ModelInputs { Tokens = batch }
                : new ModelInputs { Tokens = source.Tokens, Values = source.Values, ValueLengths = source.ValueLengths, DecoderTokens = batch };
        }
    }
}
