using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Options of trainers that move the weights after every row.</summary>
public abstract class OnlineLinearOptions : TrainerInputBaseWithLabel
{
    public int NumberOfIterations = 1;
    public float InitialWeightsDiameter;
    public bool Shuffle = true;

    protected OnlineLinearOptions()
    {
    }
}

/// <summary>Options of such trainers whose model is the mean of all weights that were met.</summary>
public abstract class AveragedLinearOptions : OnlineLinearOptions
{
    public float LearningRate = 1;
    public bool DecreaseLearningRate;
    public long? ResetWeightsAfterXExamples;
    public bool LazyUpdate = true;
    public float L2Regularization;
    public float RecencyGain;
    public bool RecencyGainMultiplicative;
    public bool Averaged = true;

    /// <summary>The loss that was chosen, or the trainer's own.</summary>
    internal abstract IScalarLoss Loss { get; }

    protected AveragedLinearOptions()
    {
    }
}

/// <summary>Base of trainers that move the weights after every row.</summary>
public abstract class OnlineLinearTrainer<TTransformer, TModel> : TrainerEstimatorBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
{
    private protected OnlineLinearTrainer(IHostEnvironment env, string name, OnlineLinearOptions options, SchemaShape.Column label)
        : base(env.Register(name), TrainerShapes.Features(options.FeatureColumnName), label, default)
    {
        Contracts.CheckParam(options.NumberOfIterations > 0, nameof(options.NumberOfIterations), "must be positive");
        Contracts.CheckParam(options.InitialWeightsDiameter >= 0, nameof(options.InitialWeightsDiameter), "must be non-negative");
    }

    public override TrainerInfo Info { get; } = new(normalization: true, caching: true);

    public TTransformer Fit(IDataView trainData, LinearModelParameters modelParameters) => FitFrom(trainData, data => Train(data, modelParameters));

    private protected override TTransformer Train(IDataView input) => Train(input, null);

    private protected abstract TTransformer Train(IDataView input, LinearModelParameters start);
}

/// <summary>Base of such trainers whose model is the mean of all weights that were met.</summary>
public abstract class AveragedLinearTrainer<TTransformer, TModel> : OnlineLinearTrainer<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
{
    private readonly AveragedLinearOptions _options;
    private readonly IScalarLoss _loss;

    private protected AveragedLinearTrainer(IHostEnvironment env, string name, AveragedLinearOptions options, SchemaShape.Column label)
        : base(env, name, options, label)
    {
        Contracts.CheckParam(options.LearningRate > 0, nameof(options.LearningRate), "must be positive");
        Contracts.CheckParam(options.ResetWeightsAfterXExamples is null or > 0, nameof(options.ResetWeightsAfterXExamples), "must be positive");
        Contracts.CheckParam(options.L2Regularization is >= 0 and < 0.5f, nameof(options.L2Regularization), "must be in range [0, 0.5)");
        Contracts.CheckParam(options.RecencyGain >= 0, nameof(options.RecencyGain), "must be non-negative");
        Contracts.Check(!options.LazyUpdate || (!options.RecencyGainMultiplicative && options.RecencyGain == 0), "Cannot have both recency gain and lazy updates.");
        _options = options;
        _loss = options.Loss;
    }

    private protected (float[] Weights, float Bias) Learn(TrainingRows rows, LinearModelParameters start)
    {
        var descent = new AveragedDescent(_options, _loss, rows.Dimension);
        if (start is not null)
            descent.Start(start.Weights.Select(w => (double)w).ToArray(), start.Bias);
        else if (_options.InitialWeightsDiameter > 0)
            descent.Start(Enumerable.Range(0, rows.Dimension).Select(_ => RandomWeight()).ToArray(), RandomWeight());
        var order = Enumerable.Range(0, rows.Count).ToArray();
        for (int iteration = 0; iteration < _options.NumberOfIterations; iteration++)
        {
            if (_options.Shuffle)
                Shuffle(order);
            descent.BeginPass();
            foreach (int row in order)
                descent.Step(rows.Features(row), rows.Label(row));
            descent.EndPass();
        }
        var (weights, bias) = descent.Result();
        Contracts.Check(float.IsFinite(bias) && weights.All(float.IsFinite), "The weights/bias contain invalid values (NaN or Infinite). "
            + "Potential causes: high learning rates, no normalization, high initial weights, etc.");
        return (weights, bias);
    }

    private double RandomWeight() => _options.InitialWeightsDiameter * (Host.Rand.NextSingle() - 0.5f);

    private void Shuffle(int[] order)
    {
        for (int i = 0; i < order.Length; i++)
        {
            int other = i + Host.Rand.Next(order.Length - i);
            (order[i], order[other]) = (order[other], order[i]);
        }
    }
}
