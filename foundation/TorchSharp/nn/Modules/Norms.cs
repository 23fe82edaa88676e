using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Normalises over groups of channels.</summary>
        public sealed class GroupNorm : nn.Module<Tensor, Tensor>
        {
            private Parameter? _weight;
            private Parameter? _bias;

            internal GroupNorm(long num_groups, long num_channels, double eps, bool affine, Device? device, ScalarType? dtype) : base(nameof(GroupNorm))
            {
                if (num_channels % num_groups != 0) throw new ArgumentException($"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})", nameof(num_channels));
                this.num_groups = num_groups;
                this.eps = eps;
                this.affine = affine;
                if (!affine) return;
                weight = Linear.Own(ones(num_channels, dtype, device));
                bias = Linear.Own(zeros(num_channels, dtype, device));
            }

            public long num_groups { get; set; }
            public double eps { get; set; }
            public bool affine { get; set; }

            public Parameter? weight
            {
                get => _weight;
                set
                {
                    if (!ReferenceEquals(value, _weight)) _weight?.Dispose();
                    value?.DetachFromDisposeScope();
                    _weight = value;
                    ConditionallyRegisterParameter("weight", _weight);
                }
            }

            public Parameter? bias
            {
                get => _bias;
                set
                {
                    if (!ReferenceEquals(value, _bias)) _bias?.Dispose();
                    value?.DetachFromDisposeScope();
                    _bias = value;
                    ConditionallyRegisterParameter("bias", _bias);
                }
            }

            public override Tensor forward(Tensor tensor) => nn.functional.group_norm(tensor, num_groups, _weight, _bias, eps);
        }

        /// <summary>Statistics and scale of a normalisation over the batch.</summary>
        public abstract class NormBase : nn.Module<Tensor, Tensor>
        {
            private Parameter? _weight;
            private Parameter? _bias;
            private Tensor? _running_mean;
            private Tensor? _running_var;
            private Tensor? _num_batches_tracked;

            public NormBase(long num_features, double eps, double? momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name) : base(name)
            {
                this.num_features = num_features;
                this.eps = eps;
                this.momentum = momentum;
                this.affine = affine;
                this.track_running_stats = track_running_stats;
                if (affine)
                {
                    weight = Linear.Own(ones(num_features, dtype, device));
                    bias = Linear.Own(zeros(num_features, dtype, device));
                }
                if (!track_running_stats) return;
                running_mean = zeros(num_features, dtype, device);
                running_var = ones(num_features, dtype, device);
                num_batches_tracked = zeros([], ScalarType.Int64, device);
            }

            protected abstract void ValidateInputDimensions(Tensor input);

            public long num_features { get; }
            public double eps { get; set; }
            public double? momentum { get; set; }
            public bool affine { get; }
            public bool track_running_stats { get; }

            public Parameter? weight
            {
                get => _weight;
                set
                {
                    if (!ReferenceEquals(value, _weight)) _weight?.Dispose();
                    value?.DetachFromDisposeScope();
                    _weight = value;
                    ConditionallyRegisterParameter("weight", _weight);
                }
            }

            public Parameter? bias
            {
                get => _bias;
                set
                {
                    if (!ReferenceEquals(value, _bias)) _bias?.Dispose();
                    value?.DetachFromDisposeScope();
                    _bias = value;
                    ConditionallyRegisterParameter("bias", _bias);
                }
            }

            // The buffers are known under their names; a move to another device replaces them there.
            private void Keep(ref Tensor? field, Tensor? value, string name)
            {
                if (!ReferenceEquals(value, field)) field?.Dispose();
                value?.DetachFromDisposeScope();
                field = value;
                ConditionallyRegisterBuffer(name, value);
            }

            public Tensor? running_mean
            {
                get => get_buffer("running_mean");
                set => Keep(ref _running_mean, value, "running_mean");
            }

            public Tensor? running_var
            {
                get => get_buffer("running_var");
                set => Keep(ref _running_var, value, "running_var");
            }

            public Tensor? num_batches_tracked
            {
                get => get_buffer("num_batches_tracked");
                set => Keep(ref _num_batches_tracked, value, "num_batches_tracked");
            }

            public void reset_running_stats()
            {
                if (!track_running_stats) return;
                nn.init.zeros_(running_mean!).Dispose();
                nn.init.ones_(running_var!).Dispose();
                nn.init.zeros_(num_batches_tracked!).Dispose();
            }

            public void reset_parameters()
            {
                reset_running_stats();
                if (_weight is not null) nn.init.ones_(_weight).Dispose();
                if (_bias is not null) nn.init.zeros_(_bias).Dispose();
            }
        }

        /// <summary>Normalises each channel over the batch.</summary>
        public abstract class BatchNorm : NormBase
        {
            public BatchNorm(long num_features, double eps, double momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name)
                : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name) { }

            public override Tensor forward(Tensor input)
            {
                ValidateInputDimensions(input);
                double factor = momentum ?? 0;
                if (training && track_running_stats)
                {
                    num_batches_tracked!.add_(1);
                    if (momentum is null) factor = 1.0 / num_batches_tracked.ToInt64();
                }
                bool own = training || running_mean is null && running_var is null;
                bool use = !training || track_running_stats;
                return nn.functional.batch_norm(input, use ? running_mean : null, use ? running_var : null, weight, bias, own, factor, eps);
            }
        }

        public sealed class BatchNorm1d : BatchNorm
        {
            internal BatchNorm1d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(BatchNorm1d)) { }

            protected override void ValidateInputDimensions(Tensor input)
            {
                if (input.dim() is not (2 or 3)) throw new ArgumentException($"expected 2D or 3D input, but got {input.dim()}D instead.");
            }
        }

        public sealed class BatchNorm2d : BatchNorm
        {
            internal BatchNorm2d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(BatchNorm2d)) { }

            protected override void ValidateInputDimensions(Tensor input)
            {
                if (input.dim() != 4) throw new ArgumentException($"expected 4D input, but got {input.dim()}D instead.");
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static GroupNorm GroupNorm(long num_groups, long num_channels, double eps = 1e-05, bool affine = true, Device? device = null, ScalarType? dtype = null) =>
                new(num_groups, num_channels, eps, affine, device, dtype);
            public static BatchNorm1d BatchNorm1d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true, Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static BatchNorm2d BatchNorm2d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true, Device? device = null, ScalarType? dtype = null) =>
                new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
        }
    }
}
