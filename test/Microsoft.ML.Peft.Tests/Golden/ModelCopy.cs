using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>A copy of a golden model whose configuration and numbers a test changes before each load.</summary>
internal sealed class ModelCopy : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors;

    public ModelCopy(string model)
    {
        Config = JsonNode.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Root, model, "config.json")))!.AsObject();
        using var file = SafetensorsReader.Open(Path.Combine(GoldenFolder.Root, model, "model.safetensors"));
        _tensors = file.Entries.Keys.ToDictionary(name => name, file.Read);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("peft-edited-").FullName;

    public JsonObject Config { get; }

    public IDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>Gives tensors other names; null takes one away.</summary>
    public void Rename(Func<string, string?> rename)
    {
        foreach (var name in _tensors.Keys.ToArray())
        {
            var now = rename(name);
            if (now != name)
            {
                _tensors.Remove(name, out var tensor);
                if (now is null)
                {
                    tensor!.Dispose();
                }
                else
                {
                    _tensors.Add(now, tensor!);
                }
            }
        }
    }

    public PretrainedModel Load(HeadKind kind, int? classes = null)
    {
        File.WriteAllText(Path.Combine(Folder, "config.json"), Config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(Folder, "model.safetensors"), _tensors);
        return PretrainedModel.Load(Folder, kind, classes, seed: 3);
    }

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
        {
            tensor.Dispose();
        }

        Directory.Delete(Folder, recursive: true);
    }
}
