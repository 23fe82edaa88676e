using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>The layers' functions without their state.</summary>
        public static partial class functional
        {
            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_().alias() : x.relu();
            public static Tensor relu6(Tensor x, bool inplace = false) => inplace ? x.relu6_().alias() : x.relu6();
            public static Tensor gelu(Tensor x) => x.gelu();
            public static Tensor gelu(Tensor x, bool inplace) => inplace ? x.gelu_().alias() : x.gelu();
            public static Tensor gelu(Tensor x, GELU.Approximate approximate, bool inplace = false) => inplace ? x.gelu_(approximate).alias() : x.gelu(approximate);
            public static Tensor silu(Tensor x, bool inplace = false) => inplace ? x.silu_().alias() : x.silu();
            public static Tensor sigmoid(Tensor x) => x.sigmoid();
            public static Tensor sigmoid(Tensor x, bool inplace) => inplace ? x.sigmoid_().alias() : x.sigmoid();
            public static Tensor tanh(Tensor x, bool inplace = false) => inplace ? x.tanh_().alias() : x.tanh();
            public static Tensor mish(Tensor x, bool inplace = false) => inplace ? Ops.mish_.Do(x).alias() : Ops.mish.T(x);
            public static Tensor selu(Tensor x, bool inplace = false) => inplace ? x.selu_().alias() : x.selu();
            public static Tensor elu(Tensor x, double alpha, bool inplace = false) => inplace ? x.elu_(alpha).alias() : x.elu(alpha);
            public static Tensor celu(Tensor x, double alpha, bool inplace = false) => inplace ? x.celu_(alpha).alias() : x.celu(alpha);
            public static Tensor leaky_relu(Tensor input, double negative_slope = 0.01, bool inplace = false) => inplace ? input.leaky_relu_(negative_slope).alias() : input.leaky_relu(negative_slope);
            public static Tensor prelu(Tensor input, Tensor weight) => input.prelu(weight);
            public static Tensor rrelu(Tensor x, double lower = 1.0 / 8, double upper = 1.0 / 3, bool inplace = false) => inplace ? x.rrelu_(lower, upper).alias() : x.rrelu(lower, upper);
            public static Tensor hardsigmoid(Tensor input, bool inplace = false) => inplace ? input.hardsigmoid_().alias() : input.hardsigmoid();
            public static Tensor hardswish(Tensor input, bool inplace = false) => inplace ? input.hardswish_().alias() : input.hardswish();
            public static Tensor hardtanh(Tensor x, double min_val = -1, double max_val = 1, bool inplace = false) => inplace ? x.hardtanh_(min_val, max_val).alias() : x.hardtanh(min_val, max_val);
            public static Tensor hardshrink(Tensor x, double lambda = 0.5) => Ops.hardshrink.T(x, lambda);
            public static Tensor softshrink(Tensor x, double lambda = 0.5) => Ops.softshrink.T(x, lambda);
            public static Tensor softplus(Tensor x, double beta = 1, double threshold = 20) => x.softplus(beta, threshold);
            public static Tensor threshold(Tensor x, double threshold, double value, bool inplace = false) => inplace ? x.threshold_(threshold, value).alias() : x.threshold(threshold, value);
            public static Tensor logsigmoid(Tensor x) => x.log_sigmoid();
            public static Tensor glu(Tensor input, long dim = -1L) => input.glu(dim);

            public static Tensor softsign(Tensor x, bool inplace = false)
            {
                using var size = x.abs();
                using var below = size.add_(1);
                return inplace ? x.div_(below).alias() : x.div(below);
            }

            public static Tensor tanhshrink(Tensor x, bool inplace = false)
            {
                using var t = x.tanh();
                return inplace ? x.sub_(t).alias() : x.sub(t);
            }

            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);
            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            public static Tensor softmin(Tensor x, long dim)
            {
                using var minus = x.neg();
                return minus.softmax(dim);
            }

            public static Tensor softmax2d(Tensor x) => x.softmax(-3);

            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Dropped(Ops.dropout, Ops.dropout_, input, p, training, inplace);
            public static Tensor dropout1d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Dropped(Ops.feature_dropout, Ops.feature_dropout_, input, p, training, inplace);
            public static Tensor dropout2d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Dropped(Ops.feature_dropout, Ops.feature_dropout_, input, p, training, inplace);
            public static Tensor dropout3d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Dropped(Ops.feature_dropout, Ops.feature_dropout_, input, p, training, inplace);
            public static Tensor alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) => Dropped(Ops.alpha_dropout, Ops.alpha_dropout_, input, p, training, inplace);
            public static Tensor feature_alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) =>
                Dropped(Ops.feature_alpha_dropout, Ops.feature_alpha_dropout_, input, p, training, inplace);

            private static Tensor Dropped(Op op, Op inPlace, Tensor input, double p, bool training, bool inplace) =>
                inplace ? inPlace.Do(input, p, training).alias() : op.T(input, p, training);
        }
    }
}
