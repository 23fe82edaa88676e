using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A LoRA adapter that acts more or less strongly than it was trained, until this is disposed (<see cref="AdapterSet.Strengthen"/>).</summary>
/// <remarks>B, and a bias beside it, are multiplied, so that every way to compute the adapter sees it.</remarks>
public sealed class AdapterStrength : IDisposable
{
    private readonly List<(Parameter Parameter, Tensor Before)> _changed = [];

    internal AdapterStrength(AdapterSet adapter, double factor)
    {
        if (!double.IsFinite(factor))
        {
            throw new ArgumentException($"The factor is {factor}; it must be finite.", nameof(factor));
        }

        if (adapter.Options is not LoraOptions)
        {
            throw new PeftException($"The adapter '{adapter.Name}' is {adapter.Options?.Method.Name ?? "a trained head"}; the strength of LoRA alone can be changed. Convert it by AdapterConversion.ToLora.");
        }

        if (adapter.IsMerged)
        {
            throw new PeftException($"The adapter '{adapter.Name}' is merged; undo the merge first.");
        }

        using var _ = no_grad();
        foreach (var (name, parameter) in adapter.Adapters.Where(part => part is LoraExperts || (part is LayerAdapter layer && LoraSettlement.IsLora(layer)))
            .SelectMany(part => part.named_parameters()))
        {
            if (name is "lora_B" or "lora_embedding_B" or "bias")
            {
                _changed.Add((parameter, parameter.detach().clone().DetachFromDisposeScope()));
                parameter.mul_(factor);
            }
        }
    }

    /// <summary>Puts the numbers back; a second call does nothing.</summary>
    public void Dispose()
    {
        using var _ = no_grad();
        foreach (var (parameter, before) in _changed)
        {
            parameter.copy_(before);
            before.Dispose();
        }

        _changed.Clear();
    }
}
