namespace Peft.Golden;

/// <summary>What is on purpose not as Hugging Face recorded it, by case, and why. All else of these cases is compared.</summary>
internal static class Deviations
{
    private const string FoldedPatches = "HF PEFT's OFT on a convolution merges turned filters, but computes sums of turned patches, which no weight gives; merging that form is refused";

    private const string LostClassifier = "HF PEFT leaves out of the file what has the name of an expert in its own, such as layers.0 of the classifier";

    /// <summary>Cases that HF PEFT merges into something other than what they compute; here merging is refused.</summary>
    public static IReadOnlyDictionary<string, string> Merging { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["vit-conv/oft"] = FoldedPatches,
        ["vit-conv/oft-three"] = FoldedPatches,
    };

    /// <summary>Cases whose file lacks what the training run needs.</summary>
    public static IReadOnlyDictionary<string, string> Training { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["llama-settings/vblora-topk"] = "the file has the largest logits alone, so the training run cannot be repeated from it",
    };

    /// <summary>Cases whose file HF PEFT writes without tensors that it needs, and that are written whole here; experts go into folders of their names.</summary>
    public static IReadOnlyDictionary<string, string> Writing { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["llama-xlora/xlora"] = LostClassifier,
        ["llama-xlora/xlora-layerwise"] = LostClassifier,
        ["llama-xlora/xlora-topk"] = LostClassifier,
    };

    /// <summary>Cases that are refused with a sentence.</summary>
    public static IReadOnlyDictionary<string, string> Refused { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["bert-embedding/osf"] = "HF PEFT leaves the embedding that is the only target as it is and trains nothing of it without a word",
    };
}
