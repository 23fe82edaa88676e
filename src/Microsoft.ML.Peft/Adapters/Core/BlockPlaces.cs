using System.Globalization;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Where layers sit: the path of the block, and what is left of the layer's own path, which layers of one kind have in common.</summary>
internal sealed class BlockPlaces
{
    private readonly LayerList? _layers;
    private readonly string[] _blocks; // paths with a dot at the end

    /// <summary>The places of a model's layers, or, without a model, of layers whose paths have a number: <c>block.0.query</c>.</summary>
    public BlockPlaces(Backbone? backbone)
        => (_layers, _blocks) = (backbone?.Layers, [.. (backbone?.Blocks ?? []).Select(PathOf)]);

    /// <summary>The block and the name in it, or null for a layer outside the blocks.</summary>
    public (string Block, string Name)? Of(Layer layer)
    {
        var path = _layers is null ? layer.Path : _layers[layer.Index].Path; // the blocks know the names on disk
        if (_layers is not null)
        {
            return Array.Find(_blocks, block => path.StartsWith(block, StringComparison.Ordinal)) is { } found ? (found[..^1], path[found.Length..]) : null;
        }

        var names = path.Split('.');
        var number = Array.FindIndex(names, IsNumber);
        return number < 0 || number == names.Length - 1 ? null : (string.Join('.', names[..(number + 1)]), string.Join('.', names[(number + 1)..]));
    }

    // What both parts of a block have in common, up to its number.
    private static string PathOf(BlockSite site)
    {
        var (first, second) = (site.Attention.Path.Split('.'), site.FeedForward.Path.Split('.'));
        var common = first.Zip(second).TakeWhile(pair => pair.First == pair.Second).Select(pair => pair.First).ToArray();
        return string.Join('.', common[..(Array.FindLastIndex(common, IsNumber) + 1)]) + ".";
    }

    private static bool IsNumber(string name) => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
