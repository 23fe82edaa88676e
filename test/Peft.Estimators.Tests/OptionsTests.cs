using Microsoft.ML;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;

namespace Peft.Estimators.Tests;

[TestClass]
public sealed class OptionsTests
{
    private static readonly PeftFineTuneOptions Good = new() { Model = "m" };

    [TestMethod]
    public void Defaults_of_training_stand_in_the_engine()
    {
        var engine = new Microsoft.ML.Peft.Training.TrainingOptions();

        Assert.AreEqual(engine, Good.Training);
        Assert.AreEqual(engine.Epochs, Good.Epochs);
        Assert.AreEqual(engine with { Epochs = 9 }, (Good with { Epochs = 9 }).Training);
        Assert.AreEqual(new LoraOptions(), Good.Adapter);
    }

    public static IEnumerable<object[]> Wrong =>
    [
        [Good with { Model = " " }, "Model is empty; it must be a name."],
        [Good with { InputColumn = "" }, "InputColumn is empty; it must be a name."],
        [Good with { ScoreColumn = "PredictedLabel" }, "ScoreColumn and PredictedLabelColumn are both 'PredictedLabel'; they must differ."],
        [Good with { InputColumn = "Label" }, "InputColumn and LabelColumn are both 'Label'; they must differ."],
        [Good with { MaxLength = 2 }, "MaxLength is 2; it must be from 3 to 1048576."],
        [Good with { Epochs = 0 }, "Epochs is 0; it must be from 1 to 10000."],
        [Good with { BatchSize = -1 }, "BatchSize is -1; it must be from 1 to 65536."],
        [Good with { LearningRate = double.NaN }, "LearningRate is NaN; it must be a finite number above 0."],
        [Good with { WarmupRatio = 1.5 }, "WarmupRatio is 1.5; it must be from 0 to 1."],
        [Good with { Task = (PeftTask)99 }, "Task is 99; it must be one of TextClassification."],
        [Good with { BaseModelStorage = (BaseModelStorage)7 }, "BaseModelStorage is 7; it must be one of Embedded, Reference."],
        [Good with { Adapter = new LoraOptions { Rank = 0 } }, "Rank is 0; it must be a finite number of at least 1."],
    ];

    [TestMethod]
    [DynamicData(nameof(Wrong))]
    public void A_wrong_setting_is_refused_when_the_estimator_is_made(PeftFineTuneOptions options, string sentence)
    {
        var error = Assert.Throws<ArgumentException>(() => new MLContext().Transforms.PeftFineTune(options));

        StringAssert.StartsWith(error.Message, sentence);
    }

    [TestMethod]
    public void The_catalog_takes_folder_adapter_and_columns()
    {
        var ml = new MLContext();

        Assert.IsNotNull(ml.Peft().TextClassification("m", new LoraOptions { Rank = 4 }, "Description", "Section"));
        Assert.Throws<ArgumentException>(() => ml.Peft().TextClassification(""));
    }
}
