using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Bench.Claims.ClipSvd;

/// <summary>A CLIP of two layers of width 64 a tower, trained from nothing on pictures of coloured shapes and sentences about them.</summary>
internal sealed class ToyClip : IDisposable
{
    private const int BatchSize = 64;

    private const string Config = """
        {"model_type": "clip", "projection_dim": 64,
         "text_config": {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 4, "num_hidden_layers": 2, "max_position_embeddings": 8, "vocab_size": 32, "eos_token_id": 31},
         "vision_config": {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 4, "num_hidden_layers": 2, "patch_size": 4, "image_size": 16}}
        """;

    private static readonly string[] s_words = ["", "a", "photo", "of", "drawing", "shows", "red", "green", "blue", "yellow", "magenta", "cyan", "square", "bar", "column", "cross", "frame", "stairs"];
    private static readonly string[] s_templates = ["a {}", "a photo of a {}", "photo of {}"];

    private readonly ToyFolder _folder;
    private readonly AdapterSet _trained;
    private readonly MergedWeights _merged;

    /// <summary>Trains it.</summary>
    public ToyClip(int seed, int steps)
    {
        random.manual_seed(seed);
        _folder = new ToyFolder(Config, HeadKind.Contrastive, null, (name, shape) => name == "logit_scale" ? tensor(2.66f) : shape.Length == 1 ? randn(shape).mul_(0.1) : null);
        Model = PretrainedModel.Load(_folder.Path, HeadKind.Contrastive);
        _trained = Whole();
        Train(seed, steps);
        _merged = _trained.Merge(); // it is the base model from now on
    }

    /// <summary>The model.</summary>
    public PretrainedModel Model { get; }

    /// <summary>Ids of a sentence.</summary>
    public static int[] Encode(string text) => [.. text.Split(' ').Select(word => Array.IndexOf(s_words, word)), 31];

    /// <summary>An adapter that trains every layer but positions: full fine-tuning.</summary>
    public AdapterSet Whole() => AdapterSet.Create(
        "whole",
        null,
        Model.Backbone,
        new CopiedModules(["token_embedding", "patch_embedding", "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "visual_projection", "text_projection", "layer_norm1", "layer_norm2", "pre_layrnorm", "post_layernorm", "final_layer_norm"], []),
        0);

    /// <inheritdoc/>
    public void Dispose()
    {
        _merged.Dispose();
        _trained.Dispose();
        Model.Dispose();
        _folder.Dispose();
    }

    private void Train(int seed, int steps)
    {
        var draws = new Random(seed);
        using var context = ForwardContext.TrainingWith(seed, _trained);
        using var optimizer = new FlatAdamW(_trained.TrainedParameters(), 0.01);
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            int[] classes = [.. Enumerable.Range(0, ToyPictures.Classes.Count)];
            draws.Shuffle(classes);
            classes = classes[..Math.Min(BatchSize, classes.Length)]; // no class twice: its sentences would be wrong for each other
            using var inputs = new ModelInputs
            {
                Values = ToyPictures.Draw(classes, draws, shifted: false),
                Tokens = new TokenBatch([.. classes.Select(c => Encode(s_templates[draws.Next(s_templates.Length)].Replace("{}", ToyPictures.Classes[c], StringComparison.Ordinal)))], 0),
            };
            Model.Loss(inputs, new Targets(), context).backward();
            optimizer.Step(1e-3 * Math.Min(1, (step + 1) / 50.0) * (1 - ((double)step / steps)), 1);
        }
    }
}
