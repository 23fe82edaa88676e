using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Rows of a table, looked up by number.</summary>
        public sealed class Embedding : nn.Module<Tensor, Tensor>
        {
            private Parameter _weight;
            private readonly long paddingIndex;
            private readonly double? maxNorm;
            private readonly double normType;
            private readonly bool scaleGrad;
            private readonly bool sparse;

            internal Embedding(Tensor table, bool freeze, long? padding_idx, double? max_norm, double norm_type, bool scale_grad_by_freq, bool sparse) : base(nameof(Embedding))
            {
                long rows = table.size(0);
                if (padding_idx is { } p && (p >= rows || p < -rows)) throw new ArgumentOutOfRangeException(nameof(padding_idx), p, $"The table has {rows} rows.");
                // -1 means "none" to libtorch
                paddingIndex = padding_idx is { } i ? i < 0 ? i + rows : i : -1;
                maxNorm = max_norm;
                normType = norm_type;
                scaleGrad = scale_grad_by_freq;
                this.sparse = sparse;
                var own = new Parameter(table, !freeze);
                own.DetachFromDisposeScope();
                weight = own;
            }

            internal static Tensor Fresh(long rows, long width, long? padding, Device? device, ScalarType? dtype)
            {
                var table = empty(rows, width, dtype, device);
                nn.init.normal_(table).Dispose();
                if (padding is { } p)
                {
                    using var row = table.select(0, p);
                    row.zero_();
                }
                return table;
            }

            public Parameter weight
            {
                get => _weight;
                [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_weight))]
                set
                {
                    if (value is null) throw new ArgumentNullException(nameof(weight));
                    if (!ReferenceEquals(value, _weight)) _weight?.Dispose();
                    value.DetachFromDisposeScope();
                    _weight = value;
                    ConditionallyRegisterParameter("weight", _weight);
                }
            }

            public override Tensor forward(Tensor input)
            {
                if (maxNorm is { } limit)
                    using (no_grad()) Ops.embedding_renorm_.Do(_weight, input, limit, normType);
                return Ops.embedding.T(_weight, input, paddingIndex, scaleGrad, sparse);
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Embedding Embedding(long num_embeddings, long embedding_dims, long? padding_idx = null, double? max_norm = null, double norm_type = 2, bool scale_grad_by_freq = false,
                bool sparse = false, Device? device = null, ScalarType? dtype = null) =>
                new(Modules.Embedding.Fresh(num_embeddings, embedding_dims, padding_idx, device, dtype), false, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);

            public static Embedding Embedding_from_pretrained(Tensor embeddings, bool freeze = true, long? padding_idx = null, double? max_norm = null, double norm_type = 2, bool scale_grad_by_freq = false,
                bool sparse = false, Device? device = null, ScalarType? dtype = null)
            {
                using var moved = embeddings.to(dtype ?? embeddings.dtype, device ?? embeddings.device);
                return new(moved.detach().clone(), freeze, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
            }
        }
    }
}
