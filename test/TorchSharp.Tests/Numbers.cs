namespace TorchSharp.Tests;

/// <summary>Where PyTorch 1.13 ends: p = [1, -2, 3], loss = sum(p² · [1, 2, 0.5]), six steps.</summary>
internal static class Numbers
{
    internal static readonly float[] Sgd = [0.262144f, -0.093312f, 1.5943229f];
    internal static readonly float[] SgdMomentum = [-0.7105504f, 0.72158f, -0.7935865f];
    internal static readonly float[] SgdNesterov = [-0.3980181f, -0.0016f, -0.7646517f];
    internal static readonly float[] Adam = [0.4142365f, -1.4051317f, 2.4030638f];
    internal static readonly float[] AdamAmsgrad = [0.4142365f, -1.4051318f, 2.4030638f];
    internal static readonly float[] AdamW = [0.3724456f, -1.3041475f, 2.2433786f];
    internal static readonly float[] RMSProp = [-0.0f, -0.0551691f, 0.4543653f];
    internal static readonly float[] RMSPropMomentum = [-0.500327f, 1.5434378f, -1.5257138f];
    internal static readonly float[] Adagrad = [0.6691841f, -1.6553838f, 2.6510918f];
    internal static readonly float[] RAdam = [0.1964661f, 0.5103376f, 1.6427485f];
    // NAdam by its formula in double precision: 1.13 multiplies the momentum product by mu once too often, later versions do not.
    internal static readonly float[] NAdam = [0.5604374f, -1.5379576f, 2.5311348f];

    // Rates and momenta of CyclicLR.
    internal static readonly double[] Triangular = [0.1, 0.5, 0.9, 0.6333333333333332, 0.3666666666666666, 0.1, 0.5, 0.9, 0.6333333333333332, 0.3666666666666669, 0.1, 0.5];
    internal static readonly double[] Triangular2 = [0.1, 0.5, 0.9, 0.5, 0.1, 0.3, 0.5, 0.3, 0.1, 0.2, 0.3, 0.2];
    internal static readonly double[] ExpRange =
        [0.1, 0.3400000000000001, 0.5319999999999999, 0.6832, 0.4499200000000002, 0.2574639999999999, 0.1, 0.22754584, 0.329582512, 0.4099363912, 0.28596183472, 0.183682825624];
    internal static readonly double[] CyclicMomentum = [0.95, 0.825, 0.7, 0.825, 0.95];
}
