using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

[assembly: Microsoft.ML.LoadableClass("Linear2CExec", typeof(LinearBinaryModelParameters))]
[assembly: Microsoft.ML.LoadableClass("LinearRegressionExec", typeof(LinearRegressionModelParameters))]
[assembly: Microsoft.ML.LoadableClass("PoissonRegressionExec", typeof(PoissonRegressionModelParameters))]

namespace Microsoft.ML.Trainers;

/// <summary>Base of models with one weight for each feature and a bias.</summary>
public abstract class LinearModelParameters : ModelParametersBase<float>, IScalarScorer
{
    private readonly VBuffer<float> _weights;
    private readonly double[] _dense;

    private protected LinearModelParameters(in VBuffer<float> weights, float bias)
    {
        foreach (float w in weights.GetValues())
            Contracts.CheckParam(float.IsFinite(w), nameof(weights), "Cannot initialize linear predictor with non-finite weights");
        Contracts.CheckParam(float.IsFinite(bias), nameof(bias), "Cannot initialize linear predictor with non-finite bias");
        _weights = weights;
        _dense = FeatureMath.Dense(weights);
        Bias = bias;
    }

    public IReadOnlyList<float> Weights => _weights.DenseValues().ToArray();

    public float Bias { get; protected set; }

    /// <summary>Bias plus weights times features.</summary>
    private protected float Linear(in VBuffer<float> features)
    {
        if (features.Length != _dense.Length)
            throw Contracts.Except($"Input is of length {features.Length}, but predictor expected length {_dense.Length}");
        return (float)(Bias + FeatureMath.Dot(_dense, features));
    }

    private protected abstract float Score(in VBuffer<float> features);

    float IScalarScorer.Score(in VBuffer<float> features) => Score(features);

    private protected override void SaveCore(ModelSaveContext ctx)
    {
        ctx.Writer.Write(Bias);
        ctx.Writer.Write(_weights.Length);
        var indices = _weights.GetIndices();
        ctx.Writer.Write(indices.Length);
        foreach (int i in indices)
            ctx.Writer.Write(i);
        var values = _weights.GetValues();
        ctx.Writer.Write(values.Length);
        foreach (float w in values)
            ctx.Writer.Write(w);
    }

    private protected static (VBuffer<float> Weights, float Bias) Read(ModelLoadContext ctx)
    {
        CheckNumberSize(ctx);
        float bias = ctx.Reader.ReadSingle();
        int length = ctx.Reader.ReadInt32();
        Contracts.CheckDecode(float.IsFinite(bias) && length > 0 && length <= Array.MaxLength);
        var indices = new int[ctx.ReadCount(4)];
        Contracts.CheckDecode(indices.Length < length);
        for (int i = 0; i < indices.Length; i++)
        {
            indices[i] = ctx.Reader.ReadInt32();
            Contracts.CheckDecode(indices[i] >= 0 && indices[i] < length && (i == 0 || indices[i] > indices[i - 1]));
        }
        var values = new float[ctx.ReadCount(4)];
        Contracts.CheckDecode(values.Length == indices.Length || (indices.Length == 0 && values.Length == length));
        // A model of one value can make scoring need memory for all slots, so there must be a reason to believe the length.
        Contracts.CheckDecode(length <= MaxSlots, $"The model has {length} weights: too many to be read");
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = ctx.Reader.ReadSingle();
            Contracts.CheckDecode(float.IsFinite(values[i]));
        }
        return (values.Length == length ? new VBuffer<float>(length, values) : new VBuffer<float>(length, values.Length, values, indices), bias);
    }

    private const int MaxSlots = 1 << 27;
}

/// <summary>A linear model of two classes: scores above 0 are the positive one.</summary>
public sealed class LinearBinaryModelParameters : LinearModelParameters
{
    private static readonly VersionInfo OwnVersion =
        new("LINEAR2C", 0x00020002, 0x00020001, 0x00020001, "Linear2CExec", VersionInfo.TrainersAssembly);

    public readonly ModelStatisticsBase Statistics;

    internal LinearBinaryModelParameters(in VBuffer<float> weights, float bias, ModelStatisticsBase statistics = null) : base(weights, bias) =>
        Statistics = statistics;

    private protected override VersionInfo Version => OwnVersion;

    private protected override float Score(in VBuffer<float> features) => Linear(features);

    private protected override void SaveCore(ModelSaveContext ctx)
    {
        base.SaveCore(ctx);
        if (Statistics is not null)
            ctx.SaveModel(Statistics, ModelStatisticsBase.Folder);
    }

    /// <summary>The model, or a calibrated one: old files keep the calibrator below the linear model.</summary>
    private static object Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(OwnVersion);
        var (weights, bias) = Read(ctx);
        var model = new LinearBinaryModelParameters(weights, bias, ModelStatisticsBase.LoadOrNull(env, ctx));
        using var calibrator = ctx.OpenSubModelOrNull("Calibrator");
        return calibrator is null ? model
            : new ParameterMixingCalibratedModelParameters<LinearBinaryModelParameters, PlattCalibrator>(model, calibrator.Create<PlattCalibrator>(env));
    }
}

/// <summary>Base of linear models of numbers.</summary>
public abstract class RegressionModelParameters : LinearModelParameters
{
    private protected RegressionModelParameters(in VBuffer<float> weights, float bias) : base(weights, bias)
    {
    }
}

/// <summary>A linear model of a number.</summary>
public sealed class LinearRegressionModelParameters : RegressionModelParameters
{
    private static readonly VersionInfo OwnVersion =
        new("LIN RGRS", 0x00020001, 0x00020001, 0x00020001, "LinearRegressionExec", VersionInfo.TrainersAssembly);

    internal LinearRegressionModelParameters(in VBuffer<float> weights, float bias) : base(weights, bias)
    {
    }

    private protected override VersionInfo Version => OwnVersion;

    private protected override float Score(in VBuffer<float> features) => Linear(features);

    private static LinearRegressionModelParameters Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(OwnVersion);
        var (weights, bias) = Read(ctx);
        return new LinearRegressionModelParameters(weights, bias);
    }
}

/// <summary>A linear model of the logarithm of a mean count.</summary>
public sealed class PoissonRegressionModelParameters : RegressionModelParameters
{
    private static readonly VersionInfo OwnVersion =
        new("POI RGRS", 0x00020001, 0x00020001, 0x00020001, "PoissonRegressionExec", VersionInfo.TrainersAssembly);

    internal PoissonRegressionModelParameters(in VBuffer<float> weights, float bias) : base(weights, bias)
    {
    }

    private protected override VersionInfo Version => OwnVersion;

    private protected override float Score(in VBuffer<float> features) => MathF.Exp(Linear(features));

    private static PoissonRegressionModelParameters Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(OwnVersion);
        var (weights, bias) = Read(ctx);
        return new PoissonRegressionModelParameters(weights, bias);
    }
}
