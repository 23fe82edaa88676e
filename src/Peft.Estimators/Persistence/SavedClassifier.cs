using System.Text.Json;
using Microsoft.ML.Peft;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Persistence;

/// <summary>All that a saved step holds, and its form as one text: a line of JSON, then the model's package in base64.</summary>
internal sealed record SavedClassifier(TextClassifier Model, ClassifierColumns Columns, LabelValues Labels, BaseModelStorage Storage)
{
    /// <exception cref="PeftException">The package is longer than <paramref name="maxPackage"/> bytes.</exception>
    public string ToText(long maxPackage = PackageText.MaxPackage)
    {
        var header = JsonSerializer.Serialize(new SavedHeader(
            SavedHeader.Latest, Columns.Input, Columns.PredictedLabel, Columns.Score, Labels.Kind.Name, Labels.Names, Storage.ToString()));
        return PackageText.Of(header, package => Model.Save(package, includeBase: Storage == BaseModelStorage.Embedded), maxPackage);
    }

    /// <exception cref="PeftException">The text is no saved model, or of a later version.</exception>
    public static SavedClassifier Read(ReadOnlyMemory<char> text, string? baseModelFolder = null)
    {
        var (json, package) = PackageText.Split(text);
        var (model, columns, labels, storage) = SavedHeader.Read<SavedHeader>(json)
            .Open(() => TextClassifier.Load(PackageText.Bytes(package), "saved model", baseModelFolder), loaded => loaded.Labels);
        return new(model, columns, labels, storage);
    }
}
