using System.Globalization;
using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Bench.Load;

/// <summary>A LLaMA of 122 million random numbers, 490 MB in Float32, as a Hugging Face folder.</summary>
internal static class RandomModel
{
    private const int Hidden = 1024;
    private const int Inner = 2816;
    private const int Blocks = 7;
    private const int Words = 32000;

    public static void Write(string folder, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), string.Create(CultureInfo.InvariantCulture, $$"""
            {"model_type": "llama", "hidden_size": {{Hidden}}, "intermediate_size": {{Inner}}, "num_hidden_layers": {{Blocks}}, "vocab_size": {{Words}},
             "num_attention_heads": 16, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "tie_word_embeddings": true}
            """));
        var tensors = new Dictionary<string, Tensor>
        {
            ["model.embed_tokens.weight"] = Random(Words, Hidden),
            ["model.norm.weight"] = Random(Hidden),
        };
        for (var k = 0; k < Blocks; k++)
        {
            var path = $"model.layers.{k}";
            foreach (var name in (string[])["q_proj", "k_proj", "v_proj", "o_proj"])
                tensors[$"{path}.self_attn.{name}.weight"] = Random(Hidden, Hidden);
            tensors[$"{path}.mlp.gate_proj.weight"] = Random(Inner, Hidden);
            tensors[$"{path}.mlp.up_proj.weight"] = Random(Inner, Hidden);
            tensors[$"{path}.mlp.down_proj.weight"] = Random(Hidden, Inner);
            tensors[$"{path}.input_layernorm.weight"] = Random(Hidden);
            tensors[$"{path}.post_attention_layernorm.weight"] = Random(Hidden);
        }
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors, new Dictionary<string, string> { ["format"] = "pt" });

        Tensor Random(params long[] shape) => randn(shape, generator: generator).mul_(0.02).to(type);
    }
}
