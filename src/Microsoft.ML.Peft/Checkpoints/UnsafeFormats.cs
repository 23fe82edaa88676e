namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>Formats that can run code while they are read, which this library recognises and refuses.</summary>
internal static class UnsafeFormats
{
    private static readonly string[] Extensions = [".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"];

    public static bool IsPickleName(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>True for the first bytes of a Python pickle or of the zip archive that torch.save writes.</summary>
    public static bool IsPickleStart(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 4 && ((bytes[0] == 0x80 && bytes[1] is >= 2 and <= 5) || bytes.StartsWith("PK\x03\x04"u8));

    public static ModelFormatException Refuse(string path) =>
        new(path, ModelFormatError.UnsafeFormat, "this is a Python pickle, which can run any code when it is read; convert it where it came from: safetensors.torch.save_file(state_dict, \"model.safetensors\").");
}
