using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.Peft;

namespace Peft.Estimators.Persistence;

/// <summary>The models of the packages that rows refer to, each opened once and kept as long as its text.</summary>
internal static class OpenedPackages
{
    private static readonly ConditionalWeakTable<object, Lazy<TextClassifier>> Models = [];
    private static readonly ConditionalWeakTable<object, Lazy<(ImageTextClassifier Model, string? Folder)>> ImageModels = [];

    /// <summary>Safe on many threads.</summary>
    /// <exception cref="PeftException">The text is no saved model.</exception>
    public static TextClassifier Of(ReadOnlyMemory<char> package)
        => Models.GetValue(Owner(package), _ => new Lazy<TextClassifier>(() => SavedClassifier.Read(package).Model)).Value;

    /// <summary>The same of a classifier of pictures, with the folder of their paths.</summary>
    /// <exception cref="PeftException">The text is no saved model.</exception>
    public static (ImageTextClassifier Model, string? Folder) OfImages(ReadOnlyMemory<char> package)
        => ImageModels.GetValue(Owner(package), _ => new Lazy<(ImageTextClassifier, string?)>(() =>
        {
            var saved = SavedImageClassifier.Read(package);
            return (saved.Model, saved.Folder);
        })).Value;

    // Every row refers to the same text: comparing references costs nothing, comparing megabytes would.
    private static object Owner(ReadOnlyMemory<char> package)
    {
        if (MemoryMarshal.TryGetString(package, out var text, out _, out var length) && length == text.Length)
        {
            return text;
        }

        if (MemoryMarshal.TryGetArray(package, out var segment) && segment.Array is { } array && segment.Count == array.Length)
        {
            return array;
        }

        throw new PeftException("The saved model is damaged: its package is no whole text.");
    }
}
