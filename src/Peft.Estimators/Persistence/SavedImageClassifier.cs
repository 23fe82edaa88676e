using System.Text.Json;
using Microsoft.ML.Peft;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Persistence;

/// <summary>All that a saved step for pictures holds.</summary>
internal sealed record SavedImageClassifier(ImageTextClassifier Model, ClassifierColumns Columns, LabelValues Labels, string? Folder, bool IsPath, BaseModelStorage Storage)
{
    /// <exception cref="PeftException">The package is too long.</exception>
    public string ToText()
        => PackageText.Of(
            JsonSerializer.Serialize(new Header(
                SavedHeader.Latest, Columns.Input, Columns.PredictedLabel, Columns.Score, Labels.Kind.Name, Labels.Names, Folder, IsPath, Storage.ToString())),
            package => Model.Save(package, includeBase: Storage == BaseModelStorage.Embedded));

    /// <exception cref="PeftException">The text is no saved model, or of a later version.</exception>
    public static SavedImageClassifier Read(ReadOnlyMemory<char> text, string? baseModelFolder = null)
    {
        var (json, package) = PackageText.Split(text);
        var header = SavedHeader.Read<Header>(json);
        var (model, columns, labels, storage) = header.Open(
            () => ImageTextClassifier.Load(PackageText.Bytes(package), "saved model", baseModelFolder), loaded => loaded.Labels);
        return new(model, columns, labels, header.Folder, header.IsPath, storage);
    }

    private sealed record Header(
        int Version, string Input, string PredictedLabel, string Score, string LabelType, IReadOnlyList<string> Labels, string? Folder, bool IsPath, string Storage)
        : SavedHeader(Version, Input, PredictedLabel, Score, LabelType, Labels, Storage);
}
