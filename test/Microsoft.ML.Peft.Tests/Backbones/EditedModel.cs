using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>A copy of a golden model with another config.json or other names of its tensors.</summary>
internal sealed class EditedModel : IDisposable
{
    public EditedModel(string model, Action<JsonObject>? edit = null, Func<string, string>? rename = null)
    {
        Folder = Directory.CreateTempSubdirectory("peft-edited-").FullName;
        var source = Path.Combine(GoldenFolder.Root, model);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        edit?.Invoke(config);
        File.WriteAllText(Path.Combine(Folder, "config.json"), config.ToJsonString());
        CopyTensors(Path.Combine(source, "model.safetensors"), Path.Combine(Folder, "model.safetensors"), rename ?? (name => name));
    }

    public string Folder { get; }

    /// <summary>Numbers that are easy to make again: sin(0.37·n).</summary>
    public static Tensor Waves(params long[] shape)
    {
        var numbers = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (var n = 0; n < numbers.Length; n++)
        {
            numbers[n] = (float)Math.Sin(n * 0.37);
        }

        return tensor(numbers, shape);
    }

    public static void CopyTensors(string from, string to, Func<string, string> rename)
    {
        using var file = SafetensorsReader.Open(from);
        SafetensorsWriter.Write(to, file.Entries.Keys.Select(name => KeyValuePair.Create(rename(name), file.Read(name))).ToArray());
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
