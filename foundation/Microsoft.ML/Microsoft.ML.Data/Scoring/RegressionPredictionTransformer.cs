using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("RegressionPredXfer", typeof(RegressionPredictionTransformer))]

namespace Microsoft.ML.Data;

/// <summary>A predicted number.</summary>
public sealed class RegressionPredictionTransformer<TModel> : SingleFeaturePredictionTransformerBase<TModel> where TModel : class
{
    internal RegressionPredictionTransformer(TModel model, DataViewSchema trainSchema, string featureColumnName) : base(model, trainSchema, featureColumnName)
    {
    }

    private protected override VersionInfo Version => RegressionPredictionTransformer.Version;

    private protected override void SaveMore(ModelSaveContext ctx)
    {
    }

    private protected override RowMapper MakeRowMapper(DataViewSchema inputSchema)
    {
        var scorer = (IScalarScorer)Model;
        return new ScoreMapper(inputSchema, FeatureIn(inputSchema),
            [ScoreColumns.Score(NumberDataViewType.Single, ScoreColumns.Regression, ScoreColumns.NextSet(inputSchema))],
            current => [(ValueGetter<float>)((ref float value) => value = current().Score)],
            (features, row) => row.Score = scorer.Score(features), () => new Row());
    }
}

/// <summary>Loads transformers of regressions.</summary>
internal static class RegressionPredictionTransformer
{
    public static readonly VersionInfo Version = new("REG PRED", 0x00010001, 0x00010001, 0x00010001, "RegressionPredXfer", VersionInfo.DataAssembly);

    private static ITransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var parts = PredictionParts.Load(env, ctx);
        Contracts.CheckDecode(parts.Model is IScalarScorer);
        return Getters.Call<ITransformer>(Getters.Method(typeof(RegressionPredictionTransformer), nameof(Make)), parts.ModelType, parts);
    }

    private static RegressionPredictionTransformer<TModel> Make<TModel>(PredictionParts parts) where TModel : class =>
        new((TModel)parts.Model, parts.TrainSchema, parts.FeatureColumn);
}
