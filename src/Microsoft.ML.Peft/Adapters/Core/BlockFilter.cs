using System.Text.RegularExpressions;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Keeps the layers of some blocks only: HF PEFT's <c>layers_to_transform</c> and <c>layers_pattern</c>.</summary>
internal sealed class BlockFilter
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(200);

    private readonly IReadOnlyList<int>? _blocks;
    private readonly Regex[] _patterns;

    public BlockFilter(IReadOnlyList<int>? blocks, IReadOnlyList<string>? lists)
    {
        _blocks = blocks;
        _patterns = lists is { Count: > 0 }
            ? [.. lists.Select(name => new Regex($@"^.*?\.{Regex.Escape(name)}\.(\d+)\.", RegexOptions.CultureInvariant, s_limit))]
            : [new Regex(@"^.*?\.[^.]*\.(\d+)\.", RegexOptions.CultureInvariant, s_limit)];
    }

    /// <summary>True where the layer's block, the first number of its path, is one of those chosen.</summary>
    public bool Includes(string path)
    {
        if (_blocks is not { Count: > 0 })
        {
            return true;
        }

        return BlockOf(path) is { } block && _blocks.Contains(block);
    }

    /// <summary>The block of a layer, or null for one that is in none.</summary>
    public int? BlockOf(string path)
    {
        // A path that starts with the container itself has no dot before it; HF's models never have such paths.
        var match = _patterns.Select(p => p.Match("." + path)).FirstOrDefault(m => m.Success);
        return match is not null && int.TryParse(match.Groups[1].ValueSpan, out var block) ? block : null;
    }
}
