using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using static TorchSharp.torch;

namespace Peft.Estimators.Tests;

/// <summary>A folder of a tiny CLIP with drawn numbers and a tokenizer of a few words, and one of pictures of red, green and blue.</summary>
internal sealed class TinyClipFolder : IDisposable
{
    public static readonly string[] Colours = ["red", "green", "blue"];

    private const string Config = """
        {"model_type": "clip", "projection_dim": 24,
         "text_config": {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "max_position_embeddings": 16, "vocab_size": 16, "eos_token_id": 15},
         "vision_config": {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "patch_size": 4, "image_size": 16}}
        """;

    private const string Tokenizer = """
        {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
         "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[E]", "type_id": 0}}],
           "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
           "special_tokens": {"[E]": {"id": "[E]", "ids": [15], "tokens": ["[E]"]}}},
         "decoder": null, "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "photo": 2, "of": 3, "red": 4, "green": 5, "blue": 6, "drawing": 7, "[E]": 15}}}
        """;

    private const string Processor = """
        {"image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": {"shortest_edge": 16}, "resample": 3, "do_center_crop": true, "crop_size": {"height": 16, "width": 16},
         "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
        """;

    public TinyClipFolder()
    {
        using var shapes = PretrainedModel.WithoutWeights(ModelConfig.Parse(Config, "config.json"), HeadKind.Contrastive);
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        foreach (var (name, text) in new[] { ("config.json", Config), ("tokenizer.json", Tokenizer), ("preprocessor_config.json", Processor) })
        {
            File.WriteAllText(Path.Combine(Model, name), text);
        }

        SafetensorsWriter.Write(
            Path.Combine(Model, "model.safetensors"),
            shapes.Layers.SelectMany(layer => layer.NamedTensors()).Select(t => KeyValuePair.Create(t.Name, Start(t.Name, t.Tensor.shape))));

        Tensor Start(string name, long[] shape)
            => name == "logit_scale" ? tensor(3f)
                : name.Contains("norm", StringComparison.Ordinal) ? full(shape, name.EndsWith("weight", StringComparison.Ordinal) ? 1f : 0)
                : name.EndsWith("bias", StringComparison.Ordinal) ? zeros(shape)
                : randn(shape, generator: generator).div_(Math.Sqrt(shape[1..].Aggregate(1L, (product, size) => product * size)));
    }

    public string Model { get; } = Directory.CreateTempSubdirectory("peft-clip-").FullName;

    public string Pictures { get; } = Directory.CreateTempSubdirectory("peft-pictures-").FullName;

    /// <summary>So many pictures of each colour, written as files.</summary>
    public Picture[] Draw(int each, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, each * Colours.Length).Select(k =>
        {
            var (name, bytes) = ($"{seed}-{k}.bmp", Bitmap(random, k % Colours.Length));
            File.WriteAllBytes(Path.Combine(Pictures, name), bytes);
            return new Picture { Image = name, Bytes = bytes, Colour = Colours[k % Colours.Length] };
        })];
    }

    public void Dispose()
    {
        Directory.Delete(Model, recursive: true);
        Directory.Delete(Pictures, recursive: true);
    }

    // 16 × 16 pixels of 24 bits, blue first, with noise.
    private static byte[] Bitmap(Random random, int channel)
    {
        const int Side = 16;
        var file = new byte[54 + (Side * Side * 3)];
        "BM"u8.CopyTo(file);
        BitConverter.TryWriteBytes(file.AsSpan(2), file.Length);
        BitConverter.TryWriteBytes(file.AsSpan(10), 54);
        BitConverter.TryWriteBytes(file.AsSpan(14), 40);
        BitConverter.TryWriteBytes(file.AsSpan(18), Side);
        BitConverter.TryWriteBytes(file.AsSpan(22), Side);
        BitConverter.TryWriteBytes(file.AsSpan(26), (short)1);
        BitConverter.TryWriteBytes(file.AsSpan(28), (short)24);
        for (var k = 54; k < file.Length; k++)
        {
            file[k] = (byte)(random.Next(100) + ((k - 54) % 3 == 2 - channel ? 140 : 20));
        }

        return file;
    }
}

internal sealed class Picture
{
    public string Image { get; set; } = "";

    public byte[] Bytes { get; set; } = [];

    public string Colour { get; set; } = "";
}
