using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>LoRA-FA: A stays as it is, and the gradient of B is changed so that the weight moves as by full fine-tuning.</summary>
/// <remarks>
/// <para><c>g_B ← (1/s²)·g_B·(A·Aᵀ + 1e-8·I)⁻¹</c>, before the optimizer.</para>
/// <para>Source: Zhang et al. 2023, arXiv:2308.03303; the gradient as in HF PEFT.</para>
/// </remarks>
internal sealed class LoraFaTraining(AdapterSet adapter) : AdapterTraining
{
    /// <inheritdoc/>
    public override void BeforeStep(TrainingPoint point)
    {
        using var _ = no_grad();
        foreach (var lora in adapter.Adapters.OfType<ILoraPart>())
        {
            using var scope = NewDisposeScope();
            var factors = lora.Factors;
            if (factors.B.grad is { } gradient)
            {
                var gram = factors.A.mm(factors.A.t()).add_(eye(factors.A.size(0), device: factors.A.device).mul_(1e-8));
                gradient.copy_(gradient.mm(linalg.pinv(gram)).div_(factors.Scale * factors.Scale));
            }
        }
    }
}
