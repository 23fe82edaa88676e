using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Tests;

/// <summary>Models that the tests share.</summary>
internal static class Models
{
    private static readonly Lazy<TransformerChain<ITransformer>> s_trained = new(() =>
    {
        var ml = new MLContext(seed: 1);
        return Pipeline(ml, new() { Epochs = 8, LearningRate = 5e-3, BatchSize = 16 }, options => options with { Seed = 0 }).Fit(Data.View(ml, 96));
    });

    /// <summary>A chain that was trained on 96 rows: section to key, fine-tune, predicted key to section.</summary>
    public static TransformerChain<ITransformer> Trained => s_trained.Value;

    public static EstimatorChain<ITransformer> Pipeline(MLContext ml, Microsoft.ML.Peft.Training.TrainingOptions training, Func<PeftFineTuneOptions, PeftFineTuneOptions>? change = null)
    {
        var options = new PeftFineTuneOptions
        {
            Model = Data.BaseModel,
            InputColumn = nameof(Row.Description),
            MaxLength = 32,
            Training = training,
        };
        return ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section))
            .Append(ml.PeftFineTune(change is null ? options : change(options)))
            .Append<ITransformer>(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
    }

    /// <summary>A model with random adapter and head, which no test has to train.</summary>
    public static PeftFineTuneTransformer Untrained(MLContext ml, LabelValues? labels = null, BaseModelStorage storage = BaseModelStorage.Embedded)
    {
        labels ??= new(LabelKind.Of(TextDataViewType.Instance)!, Data.Sections);
        var model = TextClassifier.Load(Data.BaseModel, new ClassifierSettings
        {
            Adapter = new LoraOptions { Rank = 2, Alpha = 16, Start = LoraStart.Random },
            Labels = labels.Names,
            MaxLength = 32,
        });
        return new(ml.Transforms, model, new(nameof(Row.Description), "PredictedLabel", "Score"), labels, storage, report: null);
    }

    public static void AssertClose(float[] expected, float[] actual)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-5f, $"score {i}");
        }
    }
}
