using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Embeddings whose table is the weight of the output layer too: HF PEFT's <c>ensure_weight_tying</c>.</summary>
internal static class SharedTables
{
    /// <summary>The options, unless they ask for what is trained of such a table to be shared.</summary>
    /// <exception cref="PeftException">They do.</exception>
    public static LoraOptions Check(LoraOptions options, Backbone backbone)
    {
        var copies = new CopiedModules(options.ModulesToSave ?? [], []);
        var trained = from layer in backbone.Layers.OfType<LinearLayer>()
                      let table = (layer.Weight as TiedWeight)?.Table
                      where table is not null && ((options.TargetModules is { IsAllLinear: false } targets && targets.Matches(table.Path)) || copies.Of(table.Path) is not null)
                      select table.Path;
        return options.EnsureWeightTying && trained.FirstOrDefault() is { } path
            ? throw new PeftException(
                $"EnsureWeightTying is set and '{path}' shares its weight with the output layer; what is trained of it cannot be shared. "
                + "Train its rows by TrainableTokenIndices, or leave EnsureWeightTying out to train it alone.")
            : options;
    }
}
