namespace TorchSharp;

// Activation functions.
internal static partial class Ops
{
    internal static readonly Op
        celu = new("celu"), celu_ = new("celu_"), elu = new("elu"), elu_ = new("elu_"), glu = new("glu"),
        hardsigmoid = new("hardsigmoid"), hardsigmoid_ = new("hardsigmoid_"), hardswish = new("hardswish"),
        hardswish_ = new("hardswish_"), hardtanh = new("hardtanh"), hardtanh_ = new("hardtanh_"), leaky_relu = new("leaky_relu"),
        leaky_relu_ = new("leaky_relu_"), log_sigmoid = new("log_sigmoid"), log_softmax_int = new("log_softmax.int"),
        prelu = new("prelu"), relu = new("relu"), relu6 = new("relu6"), relu_ = new("relu_"), rrelu = new("rrelu"),
        rrelu_ = new("rrelu_"), selu = new("selu"), selu_ = new("selu_"), silu = new("silu"), silu_ = new("silu_"),
        softplus = new("softplus"), threshold = new("threshold"), threshold_ = new("threshold_");
}
