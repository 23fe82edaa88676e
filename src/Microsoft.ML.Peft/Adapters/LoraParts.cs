using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The parts of a LoRA adapter: one for each target, by the kind of layer it is, and the trained tokens.</summary>
internal static class LoraParts
{
    /// <exception cref="PeftException">A setting does not go with one of the targets; the message says which.</exception>
    public static IEnumerable<Adapter> Of(LoraOptions options, AdapterBuild build)
    {
        var gate = options.InvocationTokens is null ? null : new InvocationGate(options.InvocationTokens);
        foreach (var layer in build.Targets)
        {
            if ((gate is not null || options.FreezeA) && layer is not LinearLayer)
            {
                var set = options.FreezeA ? nameof(options.FreezeA) : nameof(options.InvocationTokens);
                throw new PeftException($"{set} is set and '{layer.Path}' is no linear layer; leave it out of the targets.");
            }

            foreach (var part in options.Start == LoraStart.LoftQ ? LoftQStart.Parts(layer, options, build, gate) : [On(layer, options, build, gate)])
            {
                yield return part;
            }
        }

        foreach (var part in options.TrainableTokenIndices is null ? [] : TrainableTokens.Create(options.TrainableTokenIndices, build, "token_adapter."))
        {
            yield return part;
        }
    }

    private static Adapter On(Layer layer, LoraOptions options, AdapterBuild build, InvocationGate? gate) => layer switch
    {
        LinearLayer linear when options.UseDora => new Dora(linear, options, build),
        LinearLayer linear => new Lora(linear, options, build, gate),
        EmbeddingLayer table when options.UseDora => new DoraEmbedding(table, options, build),
        EmbeddingLayer table => options.HasBias
            ? throw new PeftException($"HasBias is set and '{layer.Path}' is an embedding, which has none; leave it out of the targets.")
            : new LoraEmbedding(table, options, build),
        ExpertLayer experts => new LoraExperts(experts, options, build, build.WrappersOf(experts)),
        _ when options.UseDora => new DoraConvolution(layer, options, build),
        _ => new LoraConvolution(layer, options, build),
    };
}
