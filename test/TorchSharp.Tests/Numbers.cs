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
}
