using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures;

/// <summary>Keys and values that a decoder computes of a text, as the start of a prefix.</summary>
/// <remarks>With them the model goes on as if it had read the text. HF PEFT calls it <c>initialize_kv_prefix_from_text</c>.</remarks>
public static class PrefixOfTokens
{
    /// <summary>Reads tokens with the bare model and hands the keys and values of the first ones to a prefix.</summary>
    /// <param name="model">A decoder with the head <see cref="HeadKind.CausalLanguageModel"/>.</param>
    /// <param name="adapter">An adapter of the methods PREFIX_TUNING, without a projection, or CARTRIDGE.</param>
    /// <param name="ids">Token ids of the text, at least as many as the prefix has keys.</param>
    /// <exception cref="ArgumentException">There are too few ids, or the model or the adapter is of another kind.</exception>
    /// <exception cref="PeftException">The prefix is made by a network.</exception>
    public static void Start(PretrainedModel model, AdapterSet adapter, IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(ids);
        var prefix = adapter.Adapters.OfType<PrefixAdapter>().SingleOrDefault()
            ?? throw new ArgumentException($"The adapter '{adapter.Name}' has no prefix; give one of the methods PREFIX_TUNING or CARTRIDGE.", nameof(adapter));
        if (model is not { Backbone: Decoder, Head: CausalLanguageModel head })
        {
            throw new ArgumentException($"The model of type '{model.Backbone.Config.ModelType}' does not continue text; load a decoder as {HeadKind.CausalLanguageModel}.", nameof(model));
        }

        if (ids.Count < prefix.Length)
        {
            throw new ArgumentException($"The text has {ids.Count} tokens and the prefix {prefix.Length} keys; give a longer text.", nameof(ids));
        }

        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var context = ForwardContext.Predicting();
        using var cache = new KeyValueCache();
        using var batch = new TokenBatch([[.. ids]], 0);
        head.Next(new ModelInputs { Tokens = batch }, context, cache);
        var columns = new List<Tensor>();
        for (var k = 0; k < model.Backbone.Blocks.Count; k++)
        {
            var (keys, values) = cache.Own(k).All(); // (key heads, tokens, d)
            columns.AddRange([First(keys), First(values)]);
        }

        prefix.StartFrom(cat(columns, 1));

        Tensor First(Tensor states) => states.narrow(1, 0, prefix.Length).transpose(0, 1).flatten(1).to(ScalarType.Float32);
    }
}
