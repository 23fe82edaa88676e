using System.ComponentModel;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Transforms;
using Peft.Estimators.FineTune;

namespace Peft.Estimators.Persistence;

/// <summary>Row type of a saved model: the path of a picture and the package of the model that reads it.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ImagePathInput
{
    /// <summary>The path.</summary>
    [ColumnName(TemporaryColumns.Image)]
    public ReadOnlyMemory<char> Image { get; set; }

    /// <summary>The model: a reference to one string, not a copy a row.</summary>
    [ColumnName(TemporaryColumns.Package)]
    public ReadOnlyMemory<char> Package { get; set; }
}

/// <summary>Row type of a saved model: the bytes of a picture's file and the package of the model that reads it.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ImageBytesInput
{
    /// <summary>The bytes.</summary>
    [ColumnName(TemporaryColumns.Image)]
    public VBuffer<byte> Image { get; set; }

    /// <summary>The model: a reference to one string, not a copy a row.</summary>
    [ColumnName(TemporaryColumns.Package)]
    public ReadOnlyMemory<char> Package { get; set; }
}

/// <summary>Row type of a saved model: the prediction of a picture.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ImageClassificationOutput
{
    /// <summary>One probability a class.</summary>
    [ColumnName(TemporaryColumns.Score)]
    public VBuffer<float> Score { get; set; }

    /// <summary>Key of the likeliest class.</summary>
    [ColumnName(TemporaryColumns.Class)]
    public uint Class { get; set; }

    internal void Set(ImageTextClassifier model, RgbImage? picture)
    {
        var scores = picture is null ? ImageRows.Missing(model.Labels.Count) : model.Predict([model.PixelsOf(picture)])[0];
        (Score, Class) = (new VBuffer<float>(scores.Length, scores), ClassifierMapper.Key(scores));
    }
}

/// <summary>Step of a saved model: classifies the picture of a path. Made by <c>Model.Load</c>.</summary>
[CustomMappingFactoryAttribute(Contract)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ImagePathMapping : CustomMappingFactory<ImagePathInput, ImageClassificationOutput>
{
    internal const string Contract = "Peft.Estimators.ImagePath.v1";

    /// <inheritdoc/>
    public override Action<ImagePathInput, ImageClassificationOutput> GetMapping()
        => static (input, output) =>
        {
            var (model, folder) = OpenedPackages.OfImages(input.Package);
            output.Set(model, input.Image.IsEmpty ? null : RgbImage.Load(Path.Combine(folder ?? "", input.Image.ToString())));
        };
}

/// <summary>Step of a saved model: classifies the picture of a file's bytes. Made by <c>Model.Load</c>.</summary>
[CustomMappingFactoryAttribute(Contract)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ImageBytesMapping : CustomMappingFactory<ImageBytesInput, ImageClassificationOutput>
{
    internal const string Contract = "Peft.Estimators.ImageBytes.v1";

    /// <inheritdoc/>
    public override Action<ImageBytesInput, ImageClassificationOutput> GetMapping()
        => static (input, output) =>
            output.Set(OpenedPackages.OfImages(input.Package).Model, input.Image.Length == 0 ? null : RgbImage.Decode(input.Image.DenseValues().ToArray()));
}
