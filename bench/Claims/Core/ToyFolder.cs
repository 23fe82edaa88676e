using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>A model folder with drawn start values, for models that are trained from nothing; deleted when disposed.</summary>
internal sealed class ToyFolder : IDisposable
{
    /// <summary>Draws the numbers from PyTorch's stream: norms begin as the identity, biases with 0, all else normal with deviation 1/√inputs.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="kind">The head.</param>
    /// <param name="classes">Classes of the head; null where it has none.</param>
    /// <param name="special">Other values of a tensor by its name and shape, or null.</param>
    public ToyFolder(string config, HeadKind kind, int? classes, Func<string, long[], Tensor?> special)
    {
        Path = Directory.CreateTempSubdirectory("peft-toy-").FullName;
        File.WriteAllText(System.IO.Path.Combine(Path, "config.json"), config);
        using var shapes = PretrainedModel.WithoutWeights(ModelConfig.Parse(config, "config.json"), kind, classes);
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(
            System.IO.Path.Combine(Path, "model.safetensors"),
            shapes.Layers.SelectMany(layer => layer.NamedTensors()).Select(t => KeyValuePair.Create(t.Name, Start(t.Name, t.Tensor.shape))));

        Tensor Start(string name, long[] shape)
            => name.Contains("norm", StringComparison.Ordinal) ? full(shape, name.EndsWith("weight", StringComparison.Ordinal) ? 1f : 0)
                : name.EndsWith("bias", StringComparison.Ordinal) ? zeros(shape)
                : special(name, shape) ?? randn(shape).mul_(1 / Math.Sqrt(shape[1..].Aggregate(1L, (product, size) => product * size)));
    }

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
