using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of what trainers learn.</summary>
public abstract class ModelParametersBase<TOutput> : ICanSaveModel
{
    private protected ModelParametersBase()
    {
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) =>
        throw Contracts.ExceptNotSupp($"The bundled foundation does not write models of type {GetType().Name} to files");
}
