using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>The step that Adam and AdamW share; they differ in where weight decay goes.</summary>
internal static unsafe class AdamSteps
{
    internal delegate (Tensor average, Tensor square, Tensor? largest, long step) Moments(Parameter p);

    internal static void Run(IEnumerable<Parameter> parameters, Moments moments, double lr, double beta1, double beta2, double eps, double decay, bool maximize, bool decoupled)
    {
        // One native call does a parameter: nothing comes back but a status.
        foreach (var p in parameters)
        {
            if (!p.HasGrad) continue;
            var (average, square, largest, step) = moments(p);
            int status = Native.peft_adam(p.Handle, average.Handle, square.Handle, largest is null ? 0 : largest.Handle, step, lr, beta1, beta2, eps, decay, maximize ? 1 : 0, decoupled ? 1 : 0);
            GC.KeepAlive(p);
            GC.KeepAlive(average);
            GC.KeepAlive(square);
            GC.KeepAlive(largest);
            Native.Check(status);
        }
    }
}
