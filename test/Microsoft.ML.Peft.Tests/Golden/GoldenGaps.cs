namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>The cases of the second golden set that this library does not compute as Hugging Face does yet, and why.</summary>
internal static class GoldenGaps
{
    public static IReadOnlyDictionary<string, string> Reasons { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["bert-embedding/dora"] = "DoRA on an embedding",
        ["bert-embedding/hira"] = "HiRA on an embedding",
        ["bert-embedding/oft"] = "OFT on an embedding",
        ["bert-embedding/oft-three"] = "OFT on an embedding",
        ["bert-embedding/osf"] = "OSF on an embedding",
        ["bert-embedding/tinylora"] = "TinyLoRA on an embedding",
        ["llama-settings/cartridge"] = "comparison",
        ["llama-settings/cpt"] = "comparison",
        ["llama-settings/dora-embedding"] = "DoRA on an embedding",
        ["llama-settings/lora-replication"] = "layer_replication",
        ["llama-settings/lora-tokens-two"] = "tokens of two tables",
        ["llama-settings/multitask"] = "task ids of the comparison",
        ["llama-settings/vblora-topk"] = "numbers",
        ["llama-xlora/xlora"] = "X-LoRA's file",
        ["llama-xlora/xlora-layerwise"] = "X-LoRA's file",
        ["llama-xlora/xlora-topk"] = "X-LoRA's file",
        ["vit-conv/adalora"] = "AdaLoRA on a convolution",
        ["vit-conv/dora"] = "DoRA on a convolution",
        ["vit-conv/loha-effective"] = "numbers",
        ["vit-conv/lora-bias"] = "lora_bias on a convolution",
        ["vit-conv/oft"] = "numbers",
        ["vit-conv/oft-three"] = "numbers",
        ["wav2vec2-conv/dora"] = "DoRA on a convolution",
        ["wav2vec2-conv/loha-effective"] = "numbers",
        ["wav2vec2-conv/lora-bias"] = "lora_bias on a convolution",
    };
}
