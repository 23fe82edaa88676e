namespace Microsoft.ML.Data;

/// <summary>Gives each class a score, computed by a model.</summary>
internal interface IClassScorer
{
    void Score(in VBuffer<float> features, float[] scores);
}

/// <summary>Scores and the class of the highest score.</summary>
public sealed class MulticlassPredictionTransformer<TModel> : SingleFeaturePredictionTransformerBase<TModel> where TModel : class
{
    private readonly KeyDataViewType _labelType;
    private readonly DataViewSchema.Annotations _labelAnnotations;

    internal MulticlassPredictionTransformer(TModel model, string featureColumnName, DataViewType featureColumnType, DataViewSchema.Column label)
        : base(model, featureColumnName, featureColumnType)
    {
        var key = (KeyDataViewType)label.Type;
        _labelType = new KeyDataViewType(typeof(uint), key.Count);
        _labelAnnotations = label.Annotations;
    }

    private protected override RowMapper MakeRowMapper(DataViewSchema inputSchema) => new Mapper(this, inputSchema, FeatureIn(inputSchema));

    private DataViewSchema.DetachedColumn[] Columns()
    {
        var predicted = new DataViewSchema.Annotations.Builder();
        predicted.Add(_labelAnnotations, kind => kind == AnnotationKinds.KeyValues);
        AddScoreKinds(predicted, "PredictedLabel");
        var score = new DataViewSchema.Annotations.Builder();
        if (_labelAnnotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues) is { Type: VectorDataViewType { ItemType: TextDataViewType } } names)
            score.Add(AnnotationKinds.SlotNames, names.Type, _labelAnnotations.GetGetter<VBuffer<ReadOnlyMemory<char>>>(names));
        AddScoreKinds(score, "Score");
        return
        [
            new("PredictedLabel", _labelType, predicted.ToAnnotations()),
            new("Score", new VectorDataViewType(NumberDataViewType.Single, (int)_labelType.Count), score.ToAnnotations()),
        ];
    }

    private static void AddScoreKinds(DataViewSchema.Annotations.Builder builder, string value)
    {
        builder.AddPrimitiveValue(AnnotationKinds.ScoreColumnKind, TextDataViewType.Instance, "MulticlassClassification".AsMemory());
        builder.AddPrimitiveValue(AnnotationKinds.ScoreValueKind, TextDataViewType.Instance, value.AsMemory());
    }

    private sealed class Mapper(MulticlassPredictionTransformer<TModel> owner, DataViewSchema inputSchema, DataViewSchema.Column features) : RowMapper(inputSchema)
    {
        public override DataViewSchema.DetachedColumn[] OutputColumns { get; } = owner.Columns();

        public override void MarkDependencies(Func<int, bool> activeOutput, Action<int> needInput)
        {
            if (activeOutput(0) || activeOutput(1))
                needInput(features.Index);
        }

        public override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput)
        {
            if (!activeOutput(0) && !activeOutput(1))
                return [null, null];
            var scorer = (IClassScorer)owner.Model;
            var getter = input.GetGetter<VBuffer<float>>(features);
            var scores = new float[owner._labelType.Count];
            VBuffer<float> row = default;
            long done = -1;
            float[] Current()
            {
                if (input.Position != done)
                {
                    getter(ref row);
                    scorer.Score(row, scores);
                    done = input.Position;
                }
                return scores;
            }
            return
            [
                (ValueGetter<uint>)((ref uint value) =>
                {
                    var current = Current();
                    value = Array.Exists(current, float.IsNaN) ? 0 : (uint)Array.IndexOf(current, current.Max()) + 1;
                }),
                (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) => VBuffer<float>.Copy(Current(), 0, ref value, scores.Length)),
            ];
        }
    }
}
