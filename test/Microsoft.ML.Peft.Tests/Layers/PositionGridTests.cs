using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Layers;

[TestClass]
public sealed class PositionGridTests
{
    // What PyTorch 1.13 gives for interpolate(sin(0.01·n²) as (3, 4, 2), mode="bicubic", align_corners=False).
    private static readonly float[] s_taller =
    [
        -0.056427f, -0.051821f, 0.002728f, 0.073698f, 0.268029f, 0.405941f, 0.258199f, 0.346813f, 0.520743f, 0.613057f, 0.700889f, 0.7048f,
        0.62965f, 0.753622f, 0.945576f, 1.004212f, 0.937323f, 0.8099f, 0.575696f, 0.4415f, 0.143507f, -0.026393f, -0.185724f, -0.187546f,
        0.452313f, 0.0999f, -0.601732f, -0.950918f, -1.152627f, -1.023901f,
    ];

    private static readonly float[] s_wider =
    [
        0.125313f, 0.174481f, 0.167551f, 0.227327f, 0.240736f, 0.31501f, 0.329849f, 0.410271f, 0.424478f, 0.498338f, 0.511231f, 0.568321f,
        0.563384f, 0.608232f, 0.624682f, 0.430292f, 0.460991f, 0.238404f, 0.189823f, -0.061941f, -0.116102f, -0.345658f, -0.365148f,
        -0.503215f, -0.496386f, -0.493187f, -0.55782f, -0.458261f,
    ];

    [TestMethod]
    public void Other_sizes_are_PyTorchs_bicubic()
    {
        var grid = Grid();
        Same(s_taller, PositionGrid.Resize(grid, (3, 4), (5, 3)), [15, 2]);
        Same(s_wider, PositionGrid.Resize(grid, (3, 4), (2, 7)), [14, 2]);
    }

    [TestMethod]
    public void The_same_size_is_the_same_tensor()
    {
        var grid = Grid();
        Assert.AreSame(grid, PositionGrid.Resize(grid, (3, 4), (3, 4)));
    }

    private static Tensor Grid()
    {
        var n = arange(0, 24, 1, ScalarType.Float32);
        return n.square().mul(0.01).sin().view(12, 2);
    }

    private static void Same(float[] expected, Tensor actual, long[] shape)
    {
        CollectionAssert.AreEqual(shape, actual.shape);
        var numbers = actual.reshape(-1).data<float>().ToArray();
        for (var k = 0; k < expected.Length; k++)
        {
            Assert.AreEqual(expected[k], numbers[k], 2e-5f, $"{k}");
        }
    }
}
