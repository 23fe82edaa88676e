using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Gradients and parameters as wholes.</summary>
        public static partial class utils
        {
            public static double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2)
            {
                using var scope = NewDisposeScope();
                using var off = no_grad();
                var grads = tensors.Select(p => p.grad).OfType<Tensor>().ToList();
                if (grads.Count == 0) return 0;
                var device = grads[0].device;
                Tensor total;
                if (double.IsPositiveInfinity(norm_type)) total = stack(grads.Select(g => g.abs().max().to(device))).max();
                else total = Ops.norm_Scalar.T(stack(grads.Select(g => Ops.norm_Scalar.T(g, norm_type).to(device))), norm_type);
                double norm = total.ToDouble();
                double factor = max_norm / (norm + 1e-6);
                if (factor < 1)
                    foreach (var g in grads) g.mul_(factor);
                return norm;
            }

            public static void clip_grad_value_(IEnumerable<Parameter> tensors, double clip_value)
            {
                using var scope = NewDisposeScope();
                using var off = no_grad();
                foreach (var p in tensors) p.grad?.clamp_((Scalar)(-clip_value), (Scalar)clip_value);
            }

            public static Tensor parameters_to_vector(IEnumerable<Parameter> tensors)
            {
                using var scope = NewDisposeScope();
                return cat(tensors.Select(t => t.view(-1)).ToArray()).MoveToOuterDisposeScope();
            }

            public static void vector_to_parameters(Tensor vec, IEnumerable<Parameter> tensors)
            {
                using var scope = NewDisposeScope();
                using var off = no_grad();
                long at = 0;
                foreach (var p in tensors)
                {
                    long n = p.numel();
                    p.copy_(vec.narrow(0, at, n).view_as(p));
                    at += n;
                }
            }
        }
    }
}
