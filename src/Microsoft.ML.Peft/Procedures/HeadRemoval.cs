using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures;

/// <summary>Cuts the heads that HEAT has silenced out of a merged model: their rows of query, key and value and their columns of the layer after them.</summary>
internal sealed class HeadRemoval
{
    private readonly Dictionary<int, Tensor> _rows = [];    // kept ones, by layer
    private readonly Dictionary<int, Tensor> _columns = []; // kept ones, by layer
    private readonly SortedDictionary<int, int[]> _cut = []; // by block, as counted before any was cut out

    /// <summary>Finds what goes.</summary>
    /// <exception cref="PeftException">No head is silent, or heads of such a model are not cut out.</exception>
    public HeadRemoval(PretrainedModel model, AdapterSet adapter)
    {
        var masks = adapter.Adapters.OfType<HeadMask>().Where(mask => mask.Applies && mask.Silent.Contains(true)).ToDictionary(mask => mask.Block);
        if (masks.Count == 0)
        {
            throw new PeftException($"The adapter '{adapter.Name}' silences no head, so that none can be removed; train one with {nameof(HeatOptions)} and the mask 'output', or keep the heads.");
        }

        var config = model.Backbone.Config;
        if (!BackboneRegistry.TypesWithPrunedHeads.Contains(config.ModelType))
        {
            throw new PeftException(
                $"Heads of a model of type '{config.ModelType}' are not removed; that is done for {string.Join(", ", BackboneRegistry.TypesWithPrunedHeads)}. Write the model with its heads: the columns after silent ones are zero.");
        }

        var blocks = model.Backbone.Blocks;
        var heads = (int)(model.Backbone.HiddenSize / blocks[0].Heads.Size);
        var before = PrunedHeads.Of(config, blocks.Count, heads);
        foreach (var block in blocks)
        {
            var left = before.IndicesIn(block.Index);
            var silent = masks.TryGetValue(block.Index, out var mask) ? mask.Silent : new bool[left.Length];
            var cut = Enumerable.Range(0, heads).Except(left).Concat(left.Where((_, h) => silent[h])).Order().ToArray();
            if (cut.Length > 0)
            {
                _cut.Add(block.Index, cut);
            }

            if (mask is not null)
            {
                Keep(mask);
            }
        }
    }

    /// <summary>A tensor of a layer without what goes.</summary>
    public Tensor Of(Layer layer, Tensor tensor)
        => _rows.TryGetValue(layer.Index, out var rows) ? tensor.index_select(0, rows)
            : _columns.TryGetValue(layer.Index, out var columns) && tensor.dim() == 2 ? tensor.index_select(1, columns)
            : tensor;

    /// <summary>Says in config.json which heads are gone.</summary>
    public void Describe(JsonObject config)
        => config[PrunedHeads.Key] = new JsonObject(_cut.Select(block => KeyValuePair.Create<string, JsonNode?>($"{block.Key}", new JsonArray([.. block.Value.Select(h => JsonValue.Create(h))]))));

    // The models that this is for have a layer each for queries, keys and values, and as many key heads as heads.
    private void Keep(HeadMask mask)
    {
        var heads = mask.Heads;
        var kept = Enumerable.Range(0, heads.Heads).Where(h => !mask.Silent[h]).SelectMany(h => Enumerable.Range(h * heads.Size, heads.Size)).Select(k => (long)k).ToArray();
        var index = tensor(kept, device: heads.Output.Weight.Dense().device);
        foreach (var layer in (LinearLayer[])[heads.Query.Layer, heads.Key.Layer, heads.Value.Layer])
        {
            _rows.Add(layer.Index, index);
        }

        _columns.Add(heads.Output.Index, index);
    }
}
