using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of what trainers learn.</summary>
public abstract class ModelParametersBase<TOutput> : ICanSaveModel
{
    private protected ModelParametersBase()
    {
    }

    /// <summary>How this kind of model calls itself in a file.</summary>
    private protected abstract VersionInfo Version { get; }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(Version);
        // The size of the numbers that follow.
        ctx.Writer.Write(sizeof(float));
        SaveCore(ctx);
    }

    private protected abstract void SaveCore(ModelSaveContext ctx);

    private protected static void CheckNumberSize(ModelLoadContext ctx) =>
        Contracts.CheckDecode(ctx.Reader.ReadInt32() == sizeof(float), "This file was saved by an incompatible version");
}
