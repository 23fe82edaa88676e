using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("MulticlassPredXfer", typeof(MulticlassPredictionTransformer))]

namespace Microsoft.ML.Data;

/// <summary>Scores and the class of the highest score.</summary>
public sealed class MulticlassPredictionTransformer<TModel> : SingleFeaturePredictionTransformerBase<TModel> where TModel : class
{
    private readonly string _labelColumn;
    private readonly int _classes;

    internal MulticlassPredictionTransformer(TModel model, DataViewSchema trainSchema, string featureColumnName, string labelColumn)
        : base(model, trainSchema, featureColumnName)
    {
        _labelColumn = labelColumn;
        _classes = ((IClassScorer)model).Classes;
    }

    private protected override VersionInfo Version => MulticlassPredictionTransformer.Version;

    private protected override void SaveMore(ModelSaveContext ctx)
    {
        ctx.SaveStringOrNull(_labelColumn);
        ctx.SaveStringOrNull("Score");
        ctx.SaveStringOrNull("PredictedLabel");
    }

    /// <summary>The names that the classes had in the training set, or null.</summary>
    private DataViewSchema.Column? ClassNames =>
        _labelColumn is not null && TrainSchema.GetColumnOrNull(_labelColumn)?.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues) is { } names
        && names.Type is VectorDataViewType type && type.Size == _classes ? names : null;

    private DataViewSchema.DetachedColumn[] Columns(uint set)
    {
        var names = ClassNames;
        var source = _labelColumn is null ? null : TrainSchema.GetColumnOrNull(_labelColumn)?.Annotations;
        return
        [
            ScoreColumns.Predicted(new KeyDataViewType(typeof(uint), _classes), ScoreColumns.Multiclass, set, names, source),
            ScoreColumns.Score(new VectorDataViewType(NumberDataViewType.Single, _classes), ScoreColumns.Multiclass, set, builder =>
            {
                if (names is not { } values)
                    return;
                builder.Add(ScoreColumns.TrainingLabelValues, values.Type, ScoreColumns.Annotation(source, values));
                if (values.Type is VectorDataViewType { ItemType: TextDataViewType })
                    builder.Add(AnnotationKinds.SlotNames, values.Type, ScoreColumns.Annotation(source, values));
            }),
        ];
    }

    private protected override RowMapper MakeRowMapper(DataViewSchema inputSchema)
    {
        var scorer = (IClassScorer)Model;
        return new ScoreMapper(inputSchema, FeatureIn(inputSchema), Columns(ScoreColumns.NextSet(inputSchema)), current =>
        [
            (ValueGetter<uint>)((ref uint value) => value = (uint)Highest(current().Scores) + 1),
            (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) => VBuffer<float>.Copy(current().Scores, 0, ref value, _classes)),
        ], (features, row) => scorer.Score(features, row.Scores), () => new Row { Scores = new float[_classes] });
    }

    /// <summary>The first of the highest scores; missing ones are passed over, and −1 is told where all are missing.</summary>
    private static int Highest(float[] scores)
    {
        int best = -1;
        for (int k = 0; k < scores.Length; k++)
        {
            if (!float.IsNaN(scores[k]) && (best < 0 || scores[k] > scores[best]))
                best = k;
        }
        return best;
    }
}

/// <summary>Loads transformers of several classes.</summary>
internal static class MulticlassPredictionTransformer
{
    public static readonly VersionInfo Version = new("MC  PRED", 0x00010002, 0x00010001, 0x00010001, "MulticlassPredXfer", VersionInfo.DataAssembly);

    private static ITransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var parts = PredictionParts.Load(env, ctx);
        Contracts.CheckDecode(parts.Model is IClassScorer);
        string label = ctx.LoadStringOrNull();
        if (ctx.VersionWritten >= 0x00010002)
        {
            string score = ctx.LoadStringOrNull(), predicted = ctx.LoadStringOrNull();
            if (score != "Score" || predicted != "PredictedLabel")
                throw Contracts.ExceptNotSupp($"The model names its output columns '{score}' and '{predicted}'; only 'Score' and 'PredictedLabel' are supported");
        }
        return Getters.Call<ITransformer>(Getters.Method(typeof(MulticlassPredictionTransformer), nameof(Make)), parts.ModelType, parts, label);
    }

    private static MulticlassPredictionTransformer<TModel> Make<TModel>(PredictionParts parts, string label) where TModel : class =>
        new((TModel)parts.Model, parts.TrainSchema, parts.FeatureColumn, label);
}
