using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Turns DiffuseKronA into LoKr and back without loss: both add a Kronecker product.</summary>
/// <remarks>Every choice of factors has a LoKr file that this library reads, as LyCORIS does, by the sizes in it. HF PEFT makes the sizes from its settings
/// and so reads those for which one <c>decompose_factor</c> gives every layer's: <see cref="FitsHuggingFace"/>.</remarks>
public static class LoKrExchange
{
    /// <summary>LoKr with <c>W₁ = A</c>, <c>W₂ = B</c> and α/r = s.</summary>
    /// <param name="adapter">A DiffuseKronA adapter; it stays as it is.</param>
    /// <param name="name">Name of the result.</param>
    /// <exception cref="PeftException">It is another method, it goes on a convolution, or its outputs are shuffled, which no Kronecker product is.</exception>
    public static AdapterSet ToLoKr(AdapterSet adapter, string name = "default")
    {
        var options = OptionsOf<DiffuseKronaOptions>(adapter, "DiffuseKronA");
        if (options.Layout != KronaLayout.Kron)
        {
            throw new PeftException($"The adapter '{adapter.Name}' has its outputs shuffled, and LoKr is a Kronecker product in its own order; only adapters of the layout 'kron' become LoKr.");
        }

        if (adapter.Adapters.OfType<DiffuseKronaConvolution>().FirstOrDefault() is { } convolution)
        {
            throw new PeftException($"'{convolution.Path}' is a convolution, of which LoKr files have sizes by rules of their own; only adapters of linear layers become LoKr.");
        }

        // The smallest rank at which HF PEFT's second factor is whole, for every layer.
        var parts = adapter.Adapters.OfType<DiffuseKrona>().ToList();
        var rank = (int)parts.Max(part => (Math.Max(part.B.size(0), part.B.size(1)) + 1) / 2);
        var lokr = new LoKrOptions
        {
            Rank = rank,
            Alpha = rank * options.Scaling,
            DecomposeFactor = FactorOf(parts) ?? -1,
            RankDropout = options.RankDropout,
            ModuleDropout = options.ModuleDropout,
            TargetModules = options.TargetModules,
            ExcludeModules = options.ExcludeModules,
            LayersToTransform = options.LayersToTransform,
            LayersPattern = options.LayersPattern,
            ModulesToSave = options.ModulesToSave,
        };
        return Converted<DiffuseKrona>(adapter, name, lokr, part => new LoKr(part.Layer, lokr, Copy(part.A), Copy(part.B)));
    }

    /// <summary>DiffuseKronA with A = W₁ and B = W₂; factors of low rank are multiplied out, and layers that have an α of their own have it in B.</summary>
    /// <param name="adapter">A LoKr adapter; it stays as it is.</param>
    /// <param name="name">Name of the result.</param>
    /// <exception cref="PeftException">It is another method, or goes on other layers than linear ones.</exception>
    public static AdapterSet FromLoKr(AdapterSet adapter, string name = "default")
    {
        var options = OptionsOf<LoKrOptions>(adapter, "LoKr");
        var scaling = options.Alpha / options.Rank;
        var krona = new DiffuseKronaOptions
        {
            Scaling = scaling,
            FactorPattern = adapter.Adapters.OfType<LoKr>().ToDictionary(
                part => part.Path.Replace(".", "\\.", StringComparison.Ordinal), part => (IReadOnlyList<int>)[(int)part.Whole.First.size(0), (int)part.Whole.First.size(1)]),
            RankDropout = options.RankDropout,
            ModuleDropout = options.ModuleDropout,
            TargetModules = options.TargetModules,
            ExcludeModules = options.ExcludeModules,
            LayersToTransform = options.LayersToTransform,
            LayersPattern = options.LayersPattern,
            ModulesToSave = options.ModulesToSave,
        };
        return Converted<LoKr>(adapter, name, krona, part =>
        {
            var (first, second, scale) = part.Whole;
            return new DiffuseKrona(part.Layer, krona, Copy(first), Copy(second.mul(scale / scaling)));
        });
    }

    /// <summary>True if HF PEFT reads the LoKr file of a DiffuseKronA adapter.</summary>
    public static bool FitsHuggingFace(AdapterSet adapter) => FactorOf([.. adapter.Adapters.OfType<DiffuseKrona>()]) is not null;

    // The decompose_factor that gives every layer its sizes, or null.
    private static int? FactorOf(List<DiffuseKrona> parts)
    {
        var candidates = parts.SelectMany(part => new[] { part.A.size(0), part.A.size(1) }).Distinct().Order().Select(size => (int)size).Prepend(-1);
        return candidates.Select(factor => (int?)factor).FirstOrDefault(factor => parts.All(part =>
            LoKr.Factors(part.Layer.OutFeatures, factor!.Value).First == part.A.size(0) && LoKr.Factors(part.Layer.InFeatures, factor.Value).First == part.A.size(1)));
    }

    private static T OptionsOf<T>(AdapterSet adapter, string title)
        where T : AdapterOptions
    {
        ArgumentNullException.ThrowIfNull(adapter);
        return adapter.Options as T ?? throw new PeftException($"The adapter '{adapter.Name}' is {adapter.Options?.Method.Title ?? "a trained head alone"}; only {title} can be converted here.");
    }

    private static AdapterSet Converted<T>(AdapterSet adapter, string name, AdapterOptions options, Func<T, LinearAdapter> convert)
        where T : LinearAdapter
    {
        using var _ = no_grad();
        var parts = adapter.Adapters.Select(part => part switch
        {
            T own => (Adapter)convert(own),
            LayerAdapter copy when TrainedCopy.IsCopy(copy) => TrainedCopy.Again(copy),
            _ => throw new PeftException($"The adapter '{adapter.Name}' changes '{part.Path}' in a way that the other method cannot: it is no linear layer."),
        });
        return AdapterSet.Of(name, options, [.. parts], adapter.LayerCount);
    }

    private static Tensor Copy(Tensor tensor) => tensor.detach().clone().contiguous().DetachFromDisposeScope();
}
