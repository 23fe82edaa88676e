using System.Text.Json;
using Microsoft.ML.Peft;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Persistence;

/// <summary>All that a saved step holds, and its form as one text: a line of JSON, then the model's package in base64.</summary>
internal sealed record SavedClassifier(TextClassifier Model, ClassifierColumns Columns, LabelValues Labels, BaseModelStorage Storage)
{
    private const int Version = 1;

    /// <exception cref="PeftException">The package is longer than <paramref name="maxPackage"/> bytes.</exception>
    public string ToText(long maxPackage = PackageText.MaxPackage)
    {
        var header = JsonSerializer.Serialize(new Header(
            Version, Columns.Input, Columns.PredictedLabel, Columns.Score, Labels.Kind.Name, Labels.Names, Storage.ToString()));
        return PackageText.Of(header, package => Model.Save(package, includeBase: Storage == BaseModelStorage.Embedded), maxPackage);
    }

    /// <exception cref="PeftException">The text is no saved model, or of a later version.</exception>
    public static SavedClassifier Read(ReadOnlyMemory<char> text, string? baseModelFolder = null)
    {
        var (json, package) = PackageText.Split(text);
        var header = ReadHeader(json);
        if (LabelKind.Named(header.LabelType) is not { } kind)
        {
            throw PackageText.Damaged($"labels of type '{header.LabelType}' are unknown");
        }

        if (!Enum.TryParse<BaseModelStorage>(header.Storage, out var storage) || !Enum.IsDefined(storage))
        {
            throw PackageText.Damaged($"storage '{header.Storage}' is unknown");
        }

        var model = TextClassifier.Load(PackageText.Bytes(package), "saved model", baseModelFolder);
        if (!model.Labels.SequenceEqual(header.Labels))
        {
            model.Dispose();
            throw PackageText.Damaged("its header and its model have different classes");
        }

        return new(model, new(header.Input, header.PredictedLabel, header.Score), new(kind, header.Labels), storage);
    }

    private static Header ReadHeader(ReadOnlyMemory<char> json)
    {
        Header? header;
        try
        {
            header = JsonSerializer.Deserialize<Header>(json.Span);
        }
        catch (JsonException error)
        {
            throw PackageText.Damaged("its header is no JSON", error);
        }

        if (header is null || header.Version < 1 || header.Labels is null || header.LabelType is null
            || header.Input is null || header.PredictedLabel is null || header.Score is null)
        {
            throw PackageText.Damaged("its header is incomplete");
        }

        return header.Version <= Version ? header : throw new PeftException(
            $"The saved model is of version {header.Version}; this Peft.Estimators reads up to version {Version}: update it.");
    }

    private sealed record Header(
        int Version, string Input, string PredictedLabel, string Score, string LabelType, IReadOnlyList<string> Labels, string Storage);
}
