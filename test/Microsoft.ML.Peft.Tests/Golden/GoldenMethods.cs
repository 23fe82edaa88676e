using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>What the authors' own code of a method computes: the folder PEFT_GOLDEN_METHODS, or the copy beside the tests.</summary>
internal static class GoldenMethods
{
    /// <summary>Options and tensors of a case.</summary>
    public static (JsonElement Options, Dictionary<string, Tensor> Tensors) Read(string method, string name)
    {
        var root = Environment.GetEnvironmentVariable("PEFT_GOLDEN_METHODS") is { Length: > 0 } given ? given : Path.Combine(AppContext.BaseDirectory, "golden-methods");
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(root, method, name + ".json")));
        using var file = SafetensorsReader.Open(Path.Combine(root, method, name + ".safetensors"));
        return (json.RootElement.GetProperty("options").Clone(), file.Entries.Keys.ToDictionary(key => key, file.Read));
    }
}
