using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

[assembly: Microsoft.ML.LoadableClass("ModelStats", typeof(ModelStatisticsBase))]

namespace Microsoft.ML.Trainers;

/// <summary>How well a model fits its training set.</summary>
public class ModelStatisticsBase : ICanSaveModel
{
    internal const string Folder = "ModelStats";

    private static readonly VersionInfo Version =
        new("MOD STAT", 0x00010001, 0x00010001, 0x00010001, "ModelStats", VersionInfo.TrainersAssembly);

    public readonly long TrainingExampleCount;
    public readonly float Deviance;
    public readonly float NullDeviance;
    public readonly int ParametersCount;

    internal ModelStatisticsBase(long trainingExampleCount, int parametersCount, float deviance, float nullDeviance)
    {
        TrainingExampleCount = trainingExampleCount;
        ParametersCount = parametersCount;
        Deviance = deviance;
        NullDeviance = nullDeviance;
    }

    private static ModelStatisticsBase Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        int parameters = ctx.Reader.ReadInt32();
        long examples = ctx.Reader.ReadInt64();
        Contracts.CheckDecode(parameters > 0 && examples > 0);
        return new ModelStatisticsBase(examples, parameters, ctx.Reader.ReadSingle(), ctx.Reader.ReadSingle());
    }

    /// <summary>The statistics that a model keeps in a folder below its own, or null.</summary>
    internal static ModelStatisticsBase LoadOrNull(IHostEnvironment env, ModelLoadContext ctx)
    {
        using var part = ctx.OpenSubModelOrNull(Folder);
        return part?.Create<ModelStatisticsBase>(env);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(Version);
        ctx.Writer.Write(ParametersCount);
        ctx.Writer.Write(TrainingExampleCount);
        ctx.Writer.Write(Deviance);
        ctx.Writer.Write(NullDeviance);
    }
}
