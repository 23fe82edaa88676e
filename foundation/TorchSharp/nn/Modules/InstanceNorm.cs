using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Normalises each channel of each example.</summary>
        public abstract class InstanceNorm : NormBase
        {
            public InstanceNorm(long num_features, double eps, double? momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name)
                : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name) { }

            /// <summary>Dimensions of an input without a batch.</summary>
            protected abstract long GetNumberOfBatchDimensions();

            public override Tensor forward(Tensor input)
            {
                ValidateInputDimensions(input);
                using var scope = NewDisposeScope();
                bool single = input.dim() == GetNumberOfBatchDimensions();
                var x = single ? input.unsqueeze(0) : input;
                var y = nn.functional.instance_norm(x, running_mean, running_var, weight, bias, training || !track_running_stats, momentum ?? 0, eps);
                return (single ? y.squeeze(0) : y).MoveToOuterDisposeScope();
            }
        }

        public sealed class InstanceNorm1d : InstanceNorm
        {
            internal InstanceNorm1d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(InstanceNorm1d)) { }

            protected override long GetNumberOfBatchDimensions() => 2;

            protected override void ValidateInputDimensions(Tensor input)
            {
                if (input.dim() is not (2 or 3)) throw new ArgumentException($"expected 2D or 3D input, but got {input.dim()}D instead.");
            }
        }

        public sealed class InstanceNorm2d : InstanceNorm
        {
            internal InstanceNorm2d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(InstanceNorm2d)) { }

            protected override long GetNumberOfBatchDimensions() => 3;

            protected override void ValidateInputDimensions(Tensor input)
            {
                if (input.dim() is not (3 or 4)) throw new ArgumentException($"expected 3D or 4D input, but got {input.dim()}D instead.");
            }
        }

        public sealed class InstanceNorm3d : InstanceNorm
        {
            internal InstanceNorm3d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(InstanceNorm3d)) { }

            protected override long GetNumberOfBatchDimensions() => 4;

            protected override void ValidateInputDimensions(Tensor input)
            {
                if (input.dim() is not (4 or 5)) throw new ArgumentException($"expected 4D or 5D input, but got {input.dim()}D instead.");
            }
        }

        public sealed class BatchNorm3d : BatchNorm
        {
            internal BatchNorm3d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(BatchNorm3d)) { }

            protected override void ValidateInputDimensions(Tensor input)
            {
                if (input.dim() != 5) throw new ArgumentException($"expected 5D input, but got {input.dim()}D instead.");
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static InstanceNorm1d InstanceNorm1d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = false, bool track_running_stats = false, Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static InstanceNorm2d InstanceNorm2d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = false, bool track_running_stats = false, Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static InstanceNorm3d InstanceNorm3d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = false, bool track_running_stats = false, Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static BatchNorm3d BatchNorm3d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true, Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
        }
    }
}
