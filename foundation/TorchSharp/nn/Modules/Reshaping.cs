using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Cuts images into overlapping blocks, each a column.</summary>
        public sealed class Unfold : ParameterLessModule<Tensor, Tensor>
        {
            internal Unfold((long, long) kernel_size, (long, long) dilation, (long, long) padding, (long, long) stride) : base(nameof(Unfold)) =>
                (this.kernel_size, this.dilation, this.padding, this.stride) = (kernel_size, dilation, padding, stride);

            public (long, long) kernel_size { get; set; }
            public (long, long) dilation { get; set; }
            public (long, long) padding { get; set; }
            public (long, long) stride { get; set; }
            public override Tensor forward(Tensor tensor) => nn.functional.unfold(tensor, kernel_size, dilation, padding, stride);
        }

        /// <summary>Sums columns of blocks into images.</summary>
        public sealed class Fold : ParameterLessModule<Tensor, Tensor>
        {
            internal Fold((long, long) output_size, (long, long) kernel_size, (long, long) dilation, (long, long) padding, (long, long) stride) : base(nameof(Fold)) =>
                (this.output_size, this.kernel_size, this.dilation, this.padding, this.stride) = (output_size, kernel_size, dilation, padding, stride);

            public (long, long) output_size { get; set; }
            public (long, long) kernel_size { get; set; }
            public (long, long) dilation { get; set; }
            public (long, long) padding { get; set; }
            public (long, long) stride { get; set; }
            public override Tensor forward(Tensor tensor) => nn.functional.fold(tensor, output_size, kernel_size, dilation, padding, stride);
        }

        /// <summary>Makes several dimensions of one.</summary>
        public sealed class Unflatten : ParameterLessModule<Tensor, Tensor>
        {
            internal Unflatten(long dim, long[] unflattened_size) : base(nameof(Unflatten)) => (this.dim, this.unflattened_size) = (dim, unflattened_size);

            public long dim { get; set; }
            public long[] unflattened_size { get; set; }
            public override Tensor forward(Tensor tensor) => tensor.unflatten(dim, unflattened_size);
        }

        /// <summary>Makes images, or signals or volumes, larger or smaller by interpolation.</summary>
        public sealed class Upsample : ParameterLessModule<Tensor, Tensor>
        {
            private readonly long[]? _size;
            private readonly double[]? _scale_factor;

            internal Upsample(long[]? size, double[]? scale_factor, UpsampleMode mode, bool? align_corners, bool? recompute_scale_factor) : base(nameof(Upsample)) =>
                (_size, _scale_factor, this.mode, this.align_corners, this.recompute_scale_factor) = (size, scale_factor, mode, align_corners, recompute_scale_factor);

            public ReadOnlySpan<long> size => _size;
            public ReadOnlySpan<double> scale_factor => _scale_factor;
            public UpsampleMode mode { get; }
            public bool? align_corners { get; }
            public bool? recompute_scale_factor { get; set; }

            public override Tensor forward(Tensor input) =>
                nn.functional.interpolate(input, _size, _scale_factor, (InterpolationMode)(int)mode, align_corners, recompute_scale_factor ?? false);
        }

        /// <summary>x·y / (‖x‖·‖y‖) along a dimension.</summary>
        public sealed class CosineSimilarity : ParameterLessModule<Tensor, Tensor, Tensor>
        {
            internal CosineSimilarity(long dim, double eps) : base(nameof(CosineSimilarity)) => (this.dim, this.eps) = (dim, eps);

            public long dim { get; set; }
            public double eps { get; set; }
            public override Tensor forward(Tensor input1, Tensor input2) => nn.functional.cosine_similarity(input1, input2, dim, eps);
        }

        /// <summary>‖x − y + ε‖ along the last dimension.</summary>
        public sealed class PairwiseDistance : ParameterLessModule<Tensor, Tensor, Tensor>
        {
            internal PairwiseDistance(double p, double eps, bool keepdim) : base(nameof(PairwiseDistance)) => (norm, this.eps, this.keepdim) = (p, eps, keepdim);

            public double norm { get; set; }
            public double eps { get; set; }
            public bool keepdim { get; set; }
            public override Tensor forward(Tensor input1, Tensor input2) => nn.functional.pairwise_distance(input1, input2, norm, eps, keepdim);
        }

        /// <summary>Normalises over neighbouring channels: x / (k + α·mean of squares)^β.</summary>
        public sealed class LocalResponseNorm : ParameterLessModule<Tensor, Tensor>
        {
            internal LocalResponseNorm(long size, double alpha, double beta, double k) : base(nameof(LocalResponseNorm)) => (this.size, this.alpha, this.beta, this.k) = (size, alpha, beta, k);

            public long size { get; set; }
            public double alpha { get; set; }
            public double beta { get; set; }
            public double k { get; set; }
            public override Tensor forward(Tensor input) => nn.functional.local_response_norm(input, size, alpha, beta, k);
        }

        /// <summary>y = x₁ᵀ W x₂ + b for each output.</summary>
        public sealed class Bilinear : nn.Module<Tensor, Tensor, Tensor>
        {
            internal Bilinear(long in1_features, long in2_features, long out_features, bool hasBias, Device? device, ScalarType? dtype) : base(nameof(Bilinear))
            {
                (this.in1_features, this.in2_features, this.out_features) = (in1_features, in2_features, out_features);
                double bound = 1 / Math.Sqrt(in1_features);
                Add("weight", out_features, in1_features, in2_features);
                if (hasBias) Add("bias", out_features);

                void Add(string name, params long[] size)
                {
                    var p = Linear.Own(empty(size, dtype, device));
                    nn.init.uniform_(p, -bound, bound).Dispose();
                    register_parameter(name, p);
                }
            }

            public long in1_features { get; set; }
            public long in2_features { get; set; }
            public long out_features { get; set; }
            public Parameter? weight { get => get_parameter("weight"); set => Cell.Replace(this, "weight", value); }
            public Parameter? bias { get => get_parameter("bias"); set => Cell.Replace(this, "bias", value); }
            public override Tensor forward(Tensor input1, Tensor input2) => nn.functional.bilinear(input1, input2, weight!, bias);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Unfold Unfold(long kernel_size, long dilation = 1L, long padding = 0L, long stride = 1L) => new((kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));
            public static Unfold Unfold((long, long) kernel_size, (long, long)? dilation = null, (long, long)? padding = null, (long, long)? stride = null) =>
                new(kernel_size, dilation ?? (1, 1), padding ?? (0, 0), stride ?? (1, 1));
            public static Fold Fold(long output_size, long kernel_size, long dilation = 1L, long padding = 0L, long stride = 1L) =>
                new((output_size, output_size), (kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));
            public static Fold Fold((long, long) output_size, (long, long) kernel_size, (long, long)? dilation = null, (long, long)? padding = null, (long, long)? stride = null) =>
                new(output_size, kernel_size, dilation ?? (1, 1), padding ?? (0, 0), stride ?? (1, 1));
            public static Unflatten Unflatten(long dim, long[] unflattened_size) => new(dim, unflattened_size);
            public static Upsample Upsample(long[]? size = null, double[]? scale_factor = null, UpsampleMode mode = UpsampleMode.Nearest, bool? align_corners = null, bool? recompute_scale_factor = null) =>
                new(size, scale_factor, mode, align_corners, recompute_scale_factor);
            public static CosineSimilarity CosineSimilarity(long dim = 1L, double eps = 1e-08) => new(dim, eps);
            public static PairwiseDistance PairwiseDistance(double p = 2, double eps = 1e-06, bool keepdim = false) => new(p, eps, keepdim);
            public static LocalResponseNorm LocalResponseNorm(long size, double alpha = 0.0001, double beta = 0.75, double k = 1) => new(size, alpha, beta, k);
            public static Bilinear Bilinear(long in1_features, long in2_features, long out_features, bool hasBias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in1_features, in2_features, out_features, hasBias, device, dtype);
        }
    }
}
