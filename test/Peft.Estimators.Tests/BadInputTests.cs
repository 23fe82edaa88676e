using Microsoft.ML;
using Microsoft.ML.Peft;

namespace Peft.Estimators.Tests;

/// <summary>Bad data gives one sentence that says what is wrong and what to do.</summary>
[TestClass]
public sealed class BadInputTests
{
    private static readonly MLContext Ml = new();

    [TestMethod]
    [DataRow("Nope", "Label", "Input column 'Nope' is missing; the data has 'Id', 'Section', 'Description', 'Size', 'Label'.")]
    [DataRow("Id", "Label", "Input column 'Id' is of type Int32; it must be text.")]
    [DataRow("Description", "Section", "Label column 'Section' is of type String; it must be a key: put Conversion.MapValueToKey(\"Section\") before this step.")]
    public void A_wrong_column_is_refused(string input, string label, string sentence)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => Estimator(o => o with { InputColumn = input, LabelColumn = label }).Fit(Keyed(6)));

        Assert.AreEqual(sentence, error.Message);
    }

    [TestMethod]
    public void A_chain_refuses_a_label_that_is_no_key()
    {
        var chain = Ml.Transforms.CopyColumns("Label", nameof(Row.Section)).Append(Estimator());

        var error = Assert.ThrowsExactly<ArgumentException>(() => chain.Fit(Data.View(Ml, 6)));

        Assert.AreEqual("Label column 'Label' is of type String; it must be a key: put Conversion.MapValueToKey(\"Label\") before this step.", error.Message);
    }

    [TestMethod]
    public void No_rows_are_refused()
    {
        var chain = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)).Append(Estimator());

        var error = Assert.ThrowsExactly<PeftException>(() => chain.Fit(Data.View(Ml, 0)));

        Assert.AreEqual("The training data has no row with a label.", error.Message);
    }

    [TestMethod]
    public void A_single_class_is_refused()
    {
        var data = Ml.Data.LoadFromEnumerable(Data.Rows(9).Where(row => row.Section == "net"));
        var chain = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)).Append(Estimator());

        var error = Assert.ThrowsExactly<PeftException>(() => chain.Fit(data));

        Assert.AreEqual("Label column 'Label' has a single class; classification needs at least two.", error.Message);
    }

    [TestMethod]
    public void Rows_of_one_class_among_many_are_refused()
    {
        var keys = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)).Fit(Data.View(Ml, 6));
        var data = keys.Transform(Ml.Data.LoadFromEnumerable(Data.Rows(9).Where(row => row.Section == "net")));

        var error = Assert.ThrowsExactly<PeftException>(() => Estimator().Fit(data));

        Assert.AreEqual("Every row of the training data is of the class 'net'; a classifier needs at least 2 classes.", error.Message);
    }

    [TestMethod]
    public void A_missing_model_folder_is_named()
    {
        var error = Assert.Throws<FormatException>(() => Estimator(o => o with { Model = "no/such/folder" }).Fit(Keyed(6)));

        StringAssert.Contains(error.Message, "no/such/folder");
        Assert.IsFalse(error.Message.Contains('\n'), "one sentence");
    }

    [TestMethod]
    public void A_loss_that_is_no_number_stops_the_training()
    {
        var error = Assert.ThrowsExactly<PeftException>(
            () => Estimator(o => o with { LearningRate = 1e30, MaxGradientNorm = 0, Epochs = 3, BatchSize = 2 }).Fit(Keyed(12)));

        StringAssert.StartsWith(error.Message, "The loss is ");
    }

    [TestMethod]
    public void Training_can_be_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        var estimator = Estimator(o => o with { BatchSize = 1, Cancellation = cancel.Token, Progress = _ => cancel.Cancel() });

        Assert.Throws<OperationCanceledException>(() => estimator.Fit(Keyed(6)));
    }

    [TestMethod]
    public void A_transformer_refuses_data_without_its_column()
    {
        using var model = Models.Untrained(Ml);
        var data = Ml.Transforms.DropColumns(nameof(Row.Description)).Fit(Data.View(Ml, 3)).Transform(Data.View(Ml, 3));

        var error = Assert.ThrowsExactly<ArgumentException>(() => model.Transform(data));

        Assert.AreEqual("Input column 'Description' is missing; the data has 'Id', 'Section', 'Size'.", error.Message);
    }

    private static FineTune.PeftFineTuneEstimator Estimator(Func<PeftFineTuneOptions, PeftFineTuneOptions>? change = null)
    {
        var options = new PeftFineTuneOptions { Model = Data.BaseModel, InputColumn = nameof(Row.Description), MaxLength = 16 };
        return Ml.PeftFineTune(change is null ? options : change(options));
    }

    private static IDataView Keyed(int rows)
    {
        var data = Data.View(Ml, rows);
        return Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)).Fit(data).Transform(data);
    }
}
