using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("PMixCaliPredExec", typeof(ParameterMixingCalibratedModelParameters))]

namespace Microsoft.ML.Calibrators;

/// <summary>A model whose score a calibrator turns into a probability.</summary>
public abstract class CalibratedModelParametersBase
{
    private protected CalibratedModelParametersBase(object subModel, ICalibrator calibrator)
    {
        Contracts.CheckValue(subModel, nameof(subModel));
        Contracts.CheckValue(calibrator, nameof(calibrator));
        SubModel = subModel;
        Calibrator = calibrator;
    }

    public object SubModel { get; }

    public ICalibrator Calibrator { get; }
}

/// <summary>The same with the types of model and calibrator.</summary>
public abstract class CalibratedModelParametersBase<TSubModel, TCalibrator> : CalibratedModelParametersBase
    where TSubModel : class where TCalibrator : class, ICalibrator
{
    private protected CalibratedModelParametersBase(TSubModel subModel, TCalibrator calibrator) : base(subModel, calibrator)
    {
        SubModel = subModel;
        Calibrator = calibrator;
    }

    public new TSubModel SubModel { get; }

    public new TCalibrator Calibrator { get; }
}

/// <summary>A calibrated linear model.</summary>
internal sealed class ParameterMixingCalibratedModelParameters<TSubModel, TCalibrator>(TSubModel subModel, TCalibrator calibrator)
    : CalibratedModelParametersBase<TSubModel, TCalibrator>(subModel, calibrator), ICanSaveModel, IScalarScorer
    where TSubModel : class where TCalibrator : class, ICalibrator
{
    float IScalarScorer.Score(in VBuffer<float> features) => ((IScalarScorer)SubModel).Score(features);

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(ParameterMixingCalibratedModelParameters.Version);
        ctx.SaveModel((ICanSaveModel)SubModel, ParameterMixingCalibratedModelParameters.ModelFolder);
        ctx.SaveModel((ICanSaveModel)Calibrator, ParameterMixingCalibratedModelParameters.CalibratorFolder);
    }
}

/// <summary>Loads calibrated linear models.</summary>
internal static class ParameterMixingCalibratedModelParameters
{
    public const string ModelFolder = "Predictor";
    public const string CalibratorFolder = "Calibrator";

    public static readonly VersionInfo Version = new("PMIXCALP", 0x00010001, 0x00010001, 0x00010001, "PMixCaliPredExec", VersionInfo.DataAssembly);

    private static CalibratedModelParametersBase Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var model = ctx.LoadModel<IScalarScorer>(env, ModelFolder);
        var calibrator = ctx.LoadModel<ICalibrator>(env, CalibratorFolder);
        return Getters.Call<CalibratedModelParametersBase>(Getters.Method(typeof(ParameterMixingCalibratedModelParameters), nameof(Make)),
            [model.GetType(), calibrator.GetType()], model, calibrator);
    }

    private static CalibratedModelParametersBase Make<TSubModel, TCalibrator>(TSubModel model, TCalibrator calibrator)
        where TSubModel : class where TCalibrator : class, ICalibrator => new ParameterMixingCalibratedModelParameters<TSubModel, TCalibrator>(model, calibrator);
}
