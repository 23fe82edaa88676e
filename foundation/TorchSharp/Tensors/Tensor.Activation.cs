namespace TorchSharp;

public static partial class torch
{
    // Activation functions.
    public partial class Tensor
    {
        public Tensor celu() => Ops.celu.T(this);
        public Tensor celu(Scalar alpha) => Ops.celu.T(this, alpha);
        public Tensor celu_() => Ops.celu_.Do(this);
        public Tensor celu_(Scalar alpha) => Ops.celu_.Do(this, alpha);
        public Tensor elu(Scalar alpha, Scalar scale, Scalar input_scale) => Ops.elu.T(this, alpha, scale, input_scale);
        public Tensor elu(double alpha = 1) => Ops.elu.T(this, alpha);
        public Tensor elu_(Scalar alpha, Scalar scale, Scalar input_scale) => Ops.elu_.Do(this, alpha, scale, input_scale);
        public Tensor elu_(double alpha = 1) => Ops.elu_.Do(this, alpha);
        public Tensor glu(long dim = -1) => Ops.glu.T(this, dim);
        public Tensor hardsigmoid() => Ops.hardsigmoid.T(this);
        public Tensor hardsigmoid_() => Ops.hardsigmoid_.Do(this);
        public Tensor hardswish() => Ops.hardswish.T(this);
        public Tensor hardswish_() => Ops.hardswish_.Do(this);
        public Tensor hardtanh(Scalar min, Scalar max) => Ops.hardtanh.T(this, min, max);
        public Tensor hardtanh_(Scalar min, Scalar max) => Ops.hardtanh_.Do(this, min, max);
        public Tensor leaky_relu(Scalar negative_slope) => Ops.leaky_relu.T(this, negative_slope);
        public Tensor leaky_relu_(Scalar negative_slope) => Ops.leaky_relu_.Do(this, negative_slope);
        public Tensor log_sigmoid() => Ops.log_sigmoid.T(this);
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Ops.log_softmax_int.T(this, dim, dtype);
        public Tensor prelu(Tensor target) => Ops.prelu.T(this, target);
        public Tensor relu() => Ops.relu.T(this);
        public Tensor relu6() => Ops.relu6.T(this);
        public Tensor relu_() => Ops.relu_.Do(this);
        public Tensor rrelu(double lower = 1.0 / 8, double upper = 1.0 / 3) => Ops.rrelu.T(this, lower, upper);
        public Tensor rrelu_(double lower = 1.0 / 8, double upper = 1.0 / 3) => Ops.rrelu_.Do(this, lower, upper);
        public Tensor selu() => Ops.selu.T(this);
        public Tensor selu_() => Ops.selu_.Do(this);
        public Tensor silu() => Ops.silu.T(this);
        public Tensor silu_() => Ops.silu_.Do(this);
        public Tensor softplus(double beta = 1, double threshold = 20) => Ops.softplus.T(this, beta, threshold);
        public Tensor threshold(Scalar threshold, Scalar value) => Ops.threshold.T(this, threshold, value);
        public Tensor threshold_(Scalar threshold, Scalar value) => Ops.threshold_.Do(this, threshold, value);
    }
}
