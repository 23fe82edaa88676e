using System.Runtime.ExceptionServices;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Training;

/// <summary>Runs a part of a model without keeping what is inside it for the backward pass, which computes it again.</summary>
/// <remarks>
/// <para>Memory of the part falls to its input; the backward pass costs one forward pass more. The random numbers of the second
/// run are those of the first, so that dropout drops the same numbers and the gradients are those of the plain run.</para>
/// <para>Source: Chen et al. 2016, arXiv:1604.06174.</para>
/// </remarks>
public static class GradientCheckpoint
{
    /// <summary>The output of a part.</summary>
    /// <param name="part">The part, called now and again in the backward pass; it may use any trained parameter.</param>
    /// <param name="input">Its input.</param>
    /// <param name="context">The context that the part uses.</param>
    /// <returns>What the part gives. Call <see cref="ThrowIfFailed"/> after the backward pass.</returns>
    public static Tensor Run(Func<Tensor, Tensor> part, Tensor input, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(part);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(context);
        if (!is_grad_enabled())
        {
            return part(input);
        }

        // Without an input that asks for a gradient the output would not ask for one either, though parameters inside do.
        var asking = input.requires_grad ? input : zeros([1], requires_grad: true);
        return Again.apply(input, asking, new Saved(part, context, context.RandomState()));
    }

    /// <summary>Throws what a part has thrown in its second run: an exception inside a backward pass would end the process.</summary>
    public static void ThrowIfFailed(ForwardContext context)
    {
        var failure = context.CheckpointFailure;
        context.CheckpointFailure = null;
        failure?.Throw();
    }

    private sealed record Saved(Func<Tensor, Tensor> Part, ForwardContext Context, Tensor? RandomState);

    private sealed class Again : autograd.SingleTensorFunction<Again>
    {
        public override string Name => nameof(GradientCheckpoint);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (input, saved) = ((Tensor)vars[0], (Saved)vars[2]);
            ctx.save_for_backward([input]);
            ctx.save_data(nameof(Saved), saved);
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            return saved.Part(input).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var saved = (Saved)ctx.get_data(nameof(Saved));
            using var scope = NewDisposeScope();
            var wanted = ctx.get_saved_variables()[0];
            Tensor gradient;
            try
            {
                gradient = Recompute(saved, wanted, grad_output);
            }
            catch (Exception error)
            {
                saved.Context.CheckpointFailure ??= ExceptionDispatchInfo.Capture(error);
                gradient = zeros_like(wanted);
            }
            finally
            {
                saved.RandomState?.Dispose();
            }

            return [gradient.MoveToOuterDisposeScope(), null!, null!];
        }

        private static Tensor Recompute(Saved saved, Tensor input, Tensor gradient)
        {
            using var now = saved.Context.RandomState();
            saved.Context.RandomState(saved.RandomState);
            try
            {
                using var _ = enable_grad();
                var again = input.detach().requires_grad_(input.requires_grad);
                autograd.backward([saved.Part(again)], [gradient]);
                return again.grad is { } found ? found : zeros_like(again);
            }
            finally
            {
                saved.Context.RandomState(now);
            }
        }
    }
}
