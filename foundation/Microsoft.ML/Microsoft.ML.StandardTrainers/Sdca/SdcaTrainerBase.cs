using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of trainers that see the rows in random order.</summary>
public abstract class StochasticTrainerBase<TTransformer, TModel> : TrainerEstimatorBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
{
    private protected StochasticTrainerBase(IHost host, SchemaShape.Column feature, SchemaShape.Column label, SchemaShape.Column weight)
        : base(host, feature, label, weight)
    {
    }

    public override TrainerInfo Info { get; } = new(normalization: true, caching: true);
}

/// <summary>Base of trainers by stochastic dual coordinate ascent. One thread trains, so that the same seed gives the same model.</summary>
public abstract class SdcaTrainerBase<TOptions, TTransformer, TModel> : StochasticTrainerBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
    where TOptions : SdcaTrainerBase<TOptions, TTransformer, TModel>.OptionsBase, new()
{
    /// <summary>With less the dual problem hardly moves.</summary>
    private const float LeastL2 = 1e-9f;

    private readonly TOptions _options;

    private protected SdcaTrainerBase(IHostEnvironment env, string name, TOptions options, SchemaShape.Column label)
        : base(env.Register(name), TrainerShapes.Features(options.FeatureColumnName), label, TrainerShapes.Weight(options.ExampleWeightColumnName))
    {
        Contracts.CheckNonEmpty(options.FeatureColumnName, nameof(options.FeatureColumnName));
        Contracts.CheckNonEmpty(options.LabelColumnName, nameof(options.LabelColumnName));
        Contracts.CheckParam(options.L2Regularization is null or >= 0, nameof(options.L2Regularization), "L2 constant must be non-negative.");
        Contracts.CheckParam(options.L1Regularization is null or >= 0, nameof(options.L1Regularization), "L1 threshold must be non-negative.");
        Contracts.CheckParam(options.MaximumNumberOfIterations is null or > 0, nameof(options.MaximumNumberOfIterations), "Max number of iterations must be positive.");
        Contracts.CheckParam(options.ConvergenceTolerance is > 0 and <= 1, nameof(options.ConvergenceTolerance),
            "Convergence tolerance must be positive and no larger than 1.");
        Contracts.CheckParam(options.NumberOfThreads is null or > 0, nameof(options.NumberOfThreads),
            "The number of threads must be either null or a positive integer.");
        _options = options;
    }

    /// <summary>How dual coordinate ascent goes on.</summary>
    public abstract class OptionsBase : TrainerInputBaseWithWeight
    {
        public float? L2Regularization;
        public float? L1Regularization;
        public int? NumberOfThreads;
        public float ConvergenceTolerance = 0.1f;
        public int? MaximumNumberOfIterations;
        public bool Shuffle = true;
        public int? ConvergenceCheckFrequency;
        public float BiasLearningRate;

        private protected OptionsBase()
        {
        }
    }

    /// <summary>The L2 weight where none is given.</summary>
    private protected virtual float DefaultL2(int iterations, int rows) =>
        Math.Max(1e-6f, 20f / (Math.Max(2, iterations / 2) * (float)rows));

    /// <summary>Small vectors stay as they are; of long ones many weights become zero.</summary>
    private static float DefaultL1Threshold(int features) => features switch
    {
        < 100 => 0,
        < 1000 => 0.25f,
        < 10000 => 0.5f,
        _ => 1,
    };

    /// <summary>Goes through the rows until the duality gap is a small part of the loss; gives the best weights that were met at a check.</summary>
    private protected (float[][] Weights, float[] Biases) Ascend(TrainingRows rows, ISupportSdcaLoss loss, Func<int, double> rowWeight,
        Func<DualProblem, DualAscent> create)
    {
        int iterations = _options.MaximumNumberOfIterations ?? Math.Max(2, Math.Max(1, 500000 / rows.Count) * 3);
        float l2 = _options.L2Regularization is { } given ? Math.Max(LeastL2, given) : DefaultL2(iterations, rows.Count);
        float l1 = _options.L1Regularization ?? DefaultL1Threshold(rows.Dimension);
        int frequency = _options.ConvergenceCheckFrequency ?? 1;
        using var channel = Host.Start("Training");
        if (_options.L2Regularization < LeastL2)
        {
            channel.Warning(MessageSensitivity.None,
                $"The L2 regularization constant must be at least {LeastL2}: {_options.L2Regularization} was replaced by it.");
        }
        var ascent = create(new DualProblem(loss, l2, l1, _options.BiasLearningRate, rowWeight));
        var order = Enumerable.Range(0, rows.Count).ToArray();
        (float[][], float[])? best = null;
        double least = double.PositiveInfinity;
        for (int iteration = 1; iteration <= iterations; iteration++)
        {
            if (_options.Shuffle)
                Shuffle(order);
            foreach (int row in order)
                ascent.Step(row);
            if (frequency <= 0 || iteration % frequency != 0)
                continue;
            var (primal, gap) = ascent.Measure();
            if (primal < least)
            {
                least = primal;
                best = ascent.Snapshot();
            }
            if (gap / primal < _options.ConvergenceTolerance)
                break;
        }
        return best ?? ascent.Snapshot();
    }

    private void Shuffle(int[] order)
    {
        for (int i = 0; i < order.Length; i++)
        {
            int other = i + Host.Rand.Next(order.Length - i);
            (order[i], order[other]) = (order[other], order[i]);
        }
    }
}
