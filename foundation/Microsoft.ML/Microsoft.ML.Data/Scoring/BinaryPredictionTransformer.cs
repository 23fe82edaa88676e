using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("BinaryPredXfer", typeof(BinaryPredictionTransformer))]

namespace Microsoft.ML.Data;

/// <summary>A score, its probability where the model is calibrated, and whether it is above the threshold.</summary>
public sealed class BinaryPredictionTransformer<TModel> : SingleFeaturePredictionTransformerBase<TModel> where TModel : class
{
    internal BinaryPredictionTransformer(TModel model, DataViewSchema trainSchema, string featureColumnName, float threshold = 0, string thresholdColumn = "Score")
        : base(model, trainSchema, featureColumnName)
    {
        Threshold = threshold;
        ThresholdColumn = thresholdColumn;
    }

    internal float Threshold { get; }

    internal string ThresholdColumn { get; }

    private protected override VersionInfo Version => BinaryPredictionTransformer.Version;

    private protected override void SaveMore(ModelSaveContext ctx)
    {
        ctx.Writer.Write(Threshold);
        ctx.SaveString(ThresholdColumn);
    }

    private protected override RowMapper MakeRowMapper(DataViewSchema inputSchema)
    {
        var scorer = (IScalarScorer)Model;
        var calibrator = (Model as CalibratedModelParametersBase)?.Calibrator;
        bool byProbability = ThresholdColumn == "Probability";
        uint set = ScoreColumns.NextSet(inputSchema);
        var columns = new List<DataViewSchema.DetachedColumn>
        {
            ScoreColumns.Predicted(BooleanDataViewType.Instance, ScoreColumns.Binary, set),
            ScoreColumns.Score(NumberDataViewType.Single, ScoreColumns.Binary, set),
        };
        if (calibrator is not null)
            columns.Add(ScoreColumns.Probability(ScoreColumns.Binary, set));
        return new ScoreMapper(inputSchema, FeatureIn(inputSchema), columns.ToArray(), current =>
        {
            ValueGetter<bool> predicted = (ref bool value) =>
            {
                var row = current();
                value = (byProbability ? row.Probability : row.Score) > Threshold;
            };
            ValueGetter<float> score = (ref float value) => value = current().Score;
            ValueGetter<float> probability = (ref float value) => value = current().Probability;
            return calibrator is null ? [predicted, score] : [predicted, score, probability];
        }, (features, row) =>
        {
            row.Score = scorer.Score(features);
            if (calibrator is not null)
                row.Probability = calibrator.PredictProbability(row.Score);
        }, () => new Row());
    }
}

/// <summary>Loads transformers of two classes.</summary>
internal static class BinaryPredictionTransformer
{
    public static readonly VersionInfo Version = new("BIN PRED", 0x00010001, 0x00010001, 0x00010001, "BinaryPredXfer", VersionInfo.DataAssembly);

    private static ITransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var parts = PredictionParts.Load(env, ctx);
        Contracts.CheckDecode(parts.Model is IScalarScorer);
        float threshold = ctx.Reader.ReadSingle();
        string column = ctx.LoadString();
        Contracts.CheckDecode(column == "Score" || (column == "Probability" && parts.Model is CalibratedModelParametersBase));
        return Getters.Call<ITransformer>(Getters.Method(typeof(BinaryPredictionTransformer), nameof(Make)), parts.ModelType, parts, threshold, column);
    }

    private static BinaryPredictionTransformer<TModel> Make<TModel>(PredictionParts parts, float threshold, string column) where TModel : class =>
        new((TModel)parts.Model, parts.TrainSchema, parts.FeatureColumn, threshold, column);
}
