using Microsoft.ML.Peft.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Quantization;

/// <summary>NF4 and integers of 8 bits.</summary>
[TestClass]
public sealed class QuantizationTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void The_levels_are_the_papers_quantiles_of_the_normal_law()
    {
        // Appendix E: 8 quantiles above 0 and 7 below, from 1 − (1/32 + 1/30)/2 to 1/2, and a 0, divided by the largest.
        const double Offset = 0.9677083;
        var above = Quantiles(9).Take(8);
        var below = Quantiles(8).Take(7).Select(q => -q);
        double[] levels = [.. above.Concat(below).Append(0).Order()];

        Assert.HasCount(16, Nf4.Levels);
        for (var k = 0; k < 16; k++)
        {
            Assert.AreEqual(levels[k] / levels[15], Nf4.Levels[k], 1e-6);
        }

        static double[] Quantiles(int count)
            => linspace(Offset, 0.5, count, ScalarType.Float64).mul(2).sub(1).erfinv().mul(Math.Sqrt(2)).data<double>().ToArray();
    }

    [TestMethod]
    public void Each_number_gets_the_nearest_level_of_its_block()
    {
        var values = randn(3, 70); // 210 numbers: three whole blocks and a part of one, across the rows
        using var quantized = Nf4.Quantize(values);
        var (numbers, back) = (values.data<float>().ToArray(), quantized.Dequantize());

        CollectionAssert.AreEqual(values.shape, back.shape);
        Assert.AreEqual(105L, quantized.Codes.numel());
        Assert.AreEqual(4L, quantized.Scales.numel());
        var actual = back.data<float>().ToArray();
        for (var k = 0; k < numbers.Length; k++)
        {
            var scale = numbers.Skip(k / 64 * 64).Take(64).Max(Math.Abs);
            var nearest = Nf4.Levels.MinBy(level => Math.Abs((numbers[k] / scale) - level));
            Assert.AreEqual(nearest * scale, actual[k], 1e-6);
        }
    }

    [TestMethod]
    public void Two_codes_share_a_byte_the_first_in_the_upper_half()
    {
        using var quantized = Nf4.Quantize(tensor([2f, -2f, 0f, 0.9f, -1.1f])); // by 2: 1, −1, 0, 0.45, −0.55: levels 15, 0, 7, 12, 2

        CollectionAssert.AreEqual(new byte[] { 0xF0, 0x7C, 0x27 }, quantized.Codes.data<byte>().ToArray()); // the last half is padding, a 0
        CollectionAssert.AreEqual(new[] { 2f }, quantized.Scales.data<float>().ToArray());
        Assert.AreEqual(0.44070983f * 2, quantized.Dequantize()[3].item<float>(), 1e-6);
    }

    [TestMethod]
    public void Zeros_stay_zeros()
    {
        using var quantized = Nf4.Quantize(zeros(2, 64));
        Assert.AreEqual(0f, quantized.Dequantize().abs().max().item<float>());
        var (codes, scales) = RowInt8.Quantize(zeros(2, 5));
        Assert.AreEqual(0f, RowInt8.Dequantize(codes, scales).abs().max().item<float>());
        Assert.ThrowsExactly<ArgumentException>(() => Nf4.Quantize(zeros(0, 4)));
    }

    [TestMethod]
    public void Integers_err_by_half_a_step_of_their_row_at_most()
    {
        var values = randn(4, 50) * tensor([1f, 10f, 0.1f, 5f]).unsqueeze(1);
        var (codes, scales) = RowInt8.Quantize(values);

        var steps = values.abs().amax([1], keepdim: true) / 127;
        var errors = (RowInt8.Dequantize(codes, scales) - values).abs() / steps;
        Assert.IsLessThanOrEqualTo(0.5001f, errors.max().item<float>());
        Assert.IsGreaterThan(0.4f, errors.max().item<float>());
        Assert.AreEqual((sbyte)127, codes.abs().max().item<sbyte>());
    }
}
