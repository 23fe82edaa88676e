using System.Text.Json;
using Microsoft.ML.Peft;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Persistence;

/// <summary>The line of JSON of a saved classifier: columns, classes, and where its base model is.</summary>
internal record SavedHeader(int Version, string Input, string PredictedLabel, string Score, string LabelType, IReadOnlyList<string> Labels, string Storage)
{
    /// <summary>The version that is written, and the last that is read.</summary>
    public const int Latest = 1;

    /// <exception cref="PeftException">It is no header, lacks something, or is of a later version.</exception>
    public static T Read<T>(ReadOnlyMemory<char> json)
        where T : SavedHeader
    {
        T? header;
        try
        {
            header = JsonSerializer.Deserialize<T>(json.Span);
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

        return header.Version <= Latest ? header : throw new PeftException(
            $"The saved model is of version {header.Version}; this Peft.Estimators reads up to version {Latest}: update it.");
    }

    /// <summary>Loads the model, and refuses one that does not go with the header.</summary>
    /// <param name="load">Loads it.</param>
    /// <param name="labels">Its classes.</param>
    /// <exception cref="PeftException">A value is unknown, or the model has other classes.</exception>
    public (T Model, ClassifierColumns Columns, LabelValues Labels, BaseModelStorage Storage) Open<T>(Func<T> load, Func<T, IReadOnlyList<string>> labels)
        where T : IDisposable
    {
        if (LabelKind.Named(LabelType) is not { } kind)
        {
            throw PackageText.Damaged($"labels of type '{LabelType}' are unknown");
        }

        if (!Enum.TryParse<BaseModelStorage>(Storage, out var storage) || !Enum.IsDefined(storage))
        {
            throw PackageText.Damaged($"storage '{Storage}' is unknown");
        }

        var model = load();
        if (!labels(model).SequenceEqual(Labels))
        {
            model.Dispose();
            throw PackageText.Damaged("its header and its model have different classes");
        }

        return (model, new(Input, PredictedLabel, Score), new(kind, Labels), storage);
    }
}
