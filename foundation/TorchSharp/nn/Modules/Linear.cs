using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>y = x Wᵀ + b.</summary>
        public sealed class Linear : nn.Module<Tensor, Tensor>
        {
            private Parameter _weight;
            private Parameter? _bias;

            internal Linear(long inputSize, long outputSize, bool hasBias, Device? device, ScalarType? dtype) : base(nameof(Linear))
            {
                in_features = inputSize;
                out_features = outputSize;
                weight = Own(empty(outputSize, inputSize, dtype, device));
                nn.init.kaiming_uniform_(_weight, a: Math.Sqrt(5)).Dispose();
                if (!hasBias) return;
                bias = Own(empty(outputSize, dtype, device));
                double bound = inputSize > 0 ? 1 / Math.Sqrt(inputSize) : 0;
                nn.init.uniform_(_bias!, -bound, bound).Dispose();
            }

            internal Linear(Parameter weight, Parameter? bias) : base(nameof(Linear))
            {
                in_features = weight.size(1);
                out_features = weight.size(0);
                this.weight = weight;
                if (bias is not null) this.bias = bias;
            }

            internal static Parameter Own(Tensor t)
            {
                var p = new Parameter(t);
                p.DetachFromDisposeScope();
                return p;
            }

            public long in_features { get; set; }
            public long out_features { get; set; }

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

            public override Tensor forward(Tensor tensor) => nn.functional.linear(tensor, _weight, _bias);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null) =>
                new(inputSize, outputSize, hasBias, device, dtype);

            public static Linear Linear(Parameter weight, Parameter? bias = null) => new(weight, bias);

            public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }
    }
}
