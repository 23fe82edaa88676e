using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Tests;

/// <summary>What a chain of estimators knows of its columns before any data is read.</summary>
[TestClass]
public sealed class ShapeTests
{
    private static readonly MLContext Ml = new();

    private static readonly PeftFineTuneOptions Options = new() { Model = "m", InputColumn = nameof(Row.Description) };

    [TestMethod]
    public void Prediction_columns_have_the_types_and_annotations_of_a_multiclass_scorer()
    {
        var shape = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)).Append(Ml.Transforms.PeftFineTune(Options))
            .GetOutputSchema(Shape<Row>());

        var predicted = Column(shape, "PredictedLabel");
        Assert.IsTrue(predicted.IsKey);
        Assert.AreEqual(SchemaShape.Column.VectorKind.Scalar, predicted.Kind);
        Assert.AreEqual(NumberDataViewType.UInt32, predicted.ItemType);
        Assert.AreEqual(TextDataViewType.Instance, Column(predicted.Annotations, "KeyValues").ItemType);

        var score = Column(shape, "Score");
        Assert.IsFalse(score.IsKey);
        Assert.AreEqual(SchemaShape.Column.VectorKind.Vector, score.Kind);
        Assert.AreEqual(NumberDataViewType.Single, score.ItemType);
        Assert.AreEqual(TextDataViewType.Instance, Column(score.Annotations, "SlotNames").ItemType);
        CollectionAssert.IsSubsetOf(
            new[] { "ScoreColumnKind", "ScoreValueKind", "ScoreColumnSetId" }, score.Annotations.Select(column => column.Name).ToArray());
    }

    [TestMethod]
    public void Later_steps_find_the_columns()
    {
        var shape = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section))
            .Append(Ml.PeftFineTune(Options))
            .Append(Ml.Transforms.Conversion.MapKeyToValue("Predicted", "PredictedLabel"))
            .Append(Ml.Transforms.Concatenate("Features", "Score", nameof(Row.Size)))
            .Append(Ml.Transforms.CopyColumns("Copy", nameof(Row.Id)))
            .GetOutputSchema(Shape<Row>());

        Assert.AreEqual(TextDataViewType.Instance, Column(shape, "Predicted").ItemType);
        Assert.AreEqual(NumberDataViewType.Single, Column(shape, "Features").ItemType);
        Assert.AreEqual(NumberDataViewType.Int32, Column(shape, "Copy").ItemType);
    }

    [TestMethod]
    public void The_predicted_key_has_values_of_the_labels_type()
    {
        var shape = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Id))
            .Append(Ml.PeftFineTune(Options))
            .Append(Ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .GetOutputSchema(Shape<Row>());

        Assert.AreEqual(NumberDataViewType.Int32, Column(shape, "PredictedLabel").ItemType);
        Assert.IsFalse(Column(shape, "PredictedLabel").IsKey);
    }

    [TestMethod]
    public void Columns_of_the_same_name_are_replaced()
    {
        var shape = Ml.Transforms.CopyColumns("Score", nameof(Row.Section))
            .Append(Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)))
            .Append(Ml.PeftFineTune(Options))
            .GetOutputSchema(Shape<Row>());

        Assert.AreEqual(1, shape.Count(column => column.Name == "Score"));
        Assert.AreEqual(NumberDataViewType.Single, Column(shape, "Score").ItemType);
    }

    [TestMethod]
    [DataRow("Nope", "Label", "Input column 'Nope' is missing; the data has 'Id', 'Section', 'Description', 'Size', 'Label'.")]
    [DataRow("Description", "Nope", "Label column 'Nope' is missing; the data has 'Id', 'Section', 'Description', 'Size', 'Label'.")]
    [DataRow("Size", "Label", "Input column 'Size' is of type Vector<Single>; it must be text.")]
    [DataRow("Id", "Label", "Input column 'Id' is of type Int32; it must be text.")]
    [DataRow("Description", "Section", "Label column 'Section' is of type String; it must be a key: put Conversion.MapValueToKey(\"Section\") before this step.")]
    public void A_wrong_column_is_refused_before_any_data_is_read(string input, string label, string sentence)
    {
        var chain = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section))
            .Append(Ml.PeftFineTune(Options with { InputColumn = input, LabelColumn = label }));

        var error = Assert.ThrowsExactly<ArgumentException>(() => chain.GetOutputSchema(Shape<Row>()));

        Assert.AreEqual(sentence, error.Message);
    }

    /// <summary>The shape of data with the columns of a class: what a mapping to that class would add to nothing.</summary>
    private static SchemaShape Shape<T>()
        where T : class, new()
        => Ml.Transforms.CustomMapping<Nothing, T>((_, _) => { }, null!).GetOutputSchema(new SchemaShape([]));

    private static SchemaShape.Column Column(SchemaShape shape, string name) => shape.Single(column => column.Name == name);

    private sealed class Nothing;
}
