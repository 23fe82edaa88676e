using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of trainers by limited memory quasi-Newton steps.</summary>
public abstract class LbfgsTrainerBase<TOptions, TTransformer, TModel> : TrainerEstimatorBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
    where TOptions : LbfgsTrainerBase<TOptions, TTransformer, TModel>.OptionsBase, new()
{
    private protected LbfgsTrainerBase(IHostEnvironment env, string name, TOptions options, SchemaShape.Column label)
        : base(env.Register(name), TrainerShapes.Features(options.FeatureColumnName), label, TrainerShapes.Weight(options.ExampleWeightColumnName))
    {
        Contracts.CheckNonEmpty(options.FeatureColumnName, nameof(options.FeatureColumnName));
        Contracts.CheckNonEmpty(options.LabelColumnName, nameof(options.LabelColumnName));
        Contracts.CheckParam(options.NumberOfThreads is null or > 0, nameof(options.NumberOfThreads), "Must be positive (or empty for default)");
        Contracts.CheckParam(options.L2Regularization >= 0, nameof(options.L2Regularization), "Must be non-negative");
        Contracts.CheckParam(options.L1Regularization >= 0, nameof(options.L1Regularization), "Must be non-negative");
        Contracts.CheckParam(options.OptimizationTolerance > 0, nameof(options.OptimizationTolerance), "Must be positive");
        Contracts.CheckParam(options.HistorySize > 0, nameof(options.HistorySize), "Must be positive");
        Contracts.CheckParam(options.MaximumNumberOfIterations > 0, nameof(options.MaximumNumberOfIterations), "Must be positive");
        if (options.StochasticGradientDescentInitilaizationTolerance != 0)
            throw Contracts.ExceptNotSupp($"{name}: a start by stochastic gradient descent is not supported by the bundled foundation");
        LbfgsOptions = options;
    }

    private protected TOptions LbfgsOptions { get; }

    public override TrainerInfo Info { get; } = new(normalization: true, caching: true);

    /// <summary>How the minimum is looked for.</summary>
    public abstract class OptionsBase : TrainerInputBaseWithWeight
    {
        public float L2Regularization = 1;
        public float L1Regularization = 1;
        public float OptimizationTolerance = 1e-7f;
        public int HistorySize = 20;
        public int MaximumNumberOfIterations = int.MaxValue;
        public float StochasticGradientDescentInitilaizationTolerance;
        public bool Quiet;
        public float InitialWeightsDiameter;
        public int? NumberOfThreads;
        public bool DenseOptimizer;
        public bool EnforceNonNegativity;

        protected OptionsBase()
        {
        }
    }

    /// <summary>
    /// The variables of the least objective, with the L1 term over the number of rows. It starts from a model's variables (biases first),
    /// else from random ones of the wanted diameter, else from zero.
    /// </summary>
    private protected double[] Minimize(LinearObjective objective, TrainingRows rows, double[] start)
    {
        Contracts.Check(start is null || start.Length == objective.Length,
            "The input training data must have the same features used to train the input predictor.");
        var x = start ?? new double[objective.Length];
        if (start is null && LbfgsOptions.InitialWeightsDiameter > 0)
        {
            for (int i = 0; i < x.Length; i++)
                x[i] = LbfgsOptions.InitialWeightsDiameter * (Host.Rand.NextSingle() - 0.5f);
        }
        var penalties = new double[x.Length];
        var nonNegative = new bool[x.Length];
        for (int i = objective.Biases; i < x.Length; i++)
        {
            penalties[i] = LbfgsOptions.L1Regularization / rows.Count;
            nonNegative[i] = LbfgsOptions.EnforceNonNegativity;
        }
        var solver = new QuasiNewton(LbfgsOptions.HistorySize, LbfgsOptions.MaximumNumberOfIterations, LbfgsOptions.OptimizationTolerance, penalties, nonNegative);
        return solver.Minimize(x, objective.Evaluate);
    }

    /// <summary>A linear model's variables: its bias, then its weights.</summary>
    private protected static double[] VariablesOf(LinearModelParameters model) => [model.Bias, .. model.Weights];

    /// <summary>The deviance of a model and of the best one without features, with the number of its parameters that are not zero.</summary>
    private protected static ModelStatisticsBase Statistics(LinearObjective objective, TrainingRows rows, double[] x, double[] classWeights)
    {
        double total = rows.WeightSum, entropy = 0;
        foreach (double w in classWeights)
            entropy -= w > 0 ? w / total * Math.Log(w / total) : 0;
        int parameters = objective.Biases + x.Skip(objective.Biases).Count(w => w != 0);
        return new ModelStatisticsBase(rows.Count, parameters, (float)(2 * objective.LossSum(x)), (float)(2 * total * entropy));
    }
}
