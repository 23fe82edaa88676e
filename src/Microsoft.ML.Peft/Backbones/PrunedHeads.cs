namespace Microsoft.ML.Peft.Backbones;

/// <summary>Heads that were cut out of a model's attention: <c>"pruned_heads": {"0": [1], "3": [2, 5]}</c> of config.json, heads by block, counted before any was cut out.</summary>
/// <remarks>As transformers wrote and read it up to version 4; version 5 has no such models any more.</remarks>
internal sealed class PrunedHeads
{
    /// <summary>The entry of config.json.</summary>
    public const string Key = "pruned_heads";

    private readonly IReadOnlyDictionary<int, int[]> _byBlock;
    private readonly int _heads;

    private PrunedHeads(IReadOnlyDictionary<int, int[]> byBlock, int heads) => (_byBlock, _heads) = (byBlock, heads);

    /// <summary>Reads them.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="blocks">Blocks of the model.</param>
    /// <param name="heads">Heads of a whole block.</param>
    /// <exception cref="Checkpoints.ModelFormatException">A block or head is not there, or none would be left.</exception>
    public static PrunedHeads Of(ModelConfig config, int blocks, int heads)
    {
        var byBlock = config.Lists(Key, blocks - 1, heads - 1);
        return byBlock.Values.All(cut => cut.Distinct().Count() == cut.Length && cut.Length < heads)
            ? new(byBlock, heads)
            : throw config.Wrong(Key, $"for each block at most {heads - 1} of its {heads} heads, none of them twice");
    }

    /// <summary>Heads of a block that are left.</summary>
    public int LeftIn(int block) => _heads - (_byBlock.TryGetValue(block, out var cut) ? cut.Length : 0);

    /// <summary>Indices of the heads of a block that are left, as they were before any was cut out.</summary>
    public int[] IndicesIn(int block)
        => [.. Enumerable.Range(0, _heads).Except(_byBlock.TryGetValue(block, out var cut) ? cut : [])];
}
