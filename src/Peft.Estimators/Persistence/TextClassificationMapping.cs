using System.ComponentModel;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using Peft.Estimators.FineTune;

namespace Peft.Estimators.Persistence;

/// <summary>Row type of a saved model: a text and the package of the model that reads it.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class TextClassificationInput
{
    /// <summary>The text to classify.</summary>
    [ColumnName(TemporaryColumns.Text)]
    public ReadOnlyMemory<char> Text { get; set; }

    /// <summary>The model: a reference to one string, not a copy a row.</summary>
    [ColumnName(TemporaryColumns.Package)]
    public ReadOnlyMemory<char> Package { get; set; }
}

/// <summary>Row type of a saved model: a prediction.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class TextClassificationOutput
{
    /// <summary>One probability a class.</summary>
    [ColumnName(TemporaryColumns.Score)]
    public VBuffer<float> Score { get; set; }

    /// <summary>Key of the likeliest class.</summary>
    [ColumnName(TemporaryColumns.Class)]
    public uint Class { get; set; }
}

/// <summary>Step of a saved model: classifies a text. Made by <c>Model.Load</c>.</summary>
[CustomMappingFactoryAttribute(Contract)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class TextClassificationMapping : CustomMappingFactory<TextClassificationInput, TextClassificationOutput>
{
    internal const string Contract = "Peft.Estimators.TextClassification.v1";

    /// <inheritdoc/>
    public override Action<TextClassificationInput, TextClassificationOutput> GetMapping()
        => static (input, output) =>
        {
            var scores = OpenedPackages.Of(input.Package).Predict([input.Text.ToString()])[0];
            output.Score = new VBuffer<float>(scores.Length, scores);
            output.Class = ClassifierMapper.Key(scores);
        };
}
