using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>Other forms of the same arguments against the form that is recorded, and against numbers made by hand.</summary>
[TestClass]
public sealed class OverloadTests : LeakCheckedTests
{
    private static readonly long[] s_first = [0, 1], s_all = [0, 1, 2];

    [TestMethod]
    public void DimensionsAsTuplesAndSpans()
    {
        var x = arange(24, ScalarType.Float32).square().reshape(2, 3, 4);
        Same(x.std(s_first), x.std((0, 1)), std(x, (0, 1)));
        Same(x.std(s_all, unbiased: false), x.std((0, 1, 2), unbiased: false), std(x, (0, 1, 2), unbiased: false));
        Same(x.var(s_first, keepdim: true), x.var((0, 1), keepdim: true), var(x, (0, 1), keepdim: true));
        Same(x.var(s_all), x.var((0, 1, 2)), var(x, (0, 1, 2)));
        foreach (var (deviation, mean) in new[] { x.std_mean((0, 1)), x.std_mean(s_first.AsSpan()), std_mean(x, (0, 1)), std_mean(x, s_first), std_mean(x, s_first.AsSpan()) })
        {
            Same(x.std(s_first), deviation);
            Same(x.mean(s_first), mean);
        }
        foreach (var (variance, mean) in new[] { x.var_mean((0, 1)), x.var_mean(s_first.AsSpan()), var_mean(x, (0, 1)), var_mean(x, s_first), var_mean(x, s_first.AsSpan()) })
        {
            Same(x.var(s_first), variance);
            Same(x.mean(s_first), mean);
        }
        Same(x.var(s_all), x.var_mean((0, 1, 2)).var, var_mean(x, (0, 1, 2)).var);
        Same(x.std(s_all), x.std_mean((0, 1, 2)).std, std_mean(x, (0, 1, 2)).std);
        Same(x.roll(new long[] { 1, 2 }, s_first), roll(x, (1, 2), (0, 1)), roll(x, [1, 2], s_first.AsSpan()));
        Same(x.roll(new long[] { 1, 2, 3 }, s_all), roll(x, (1, 2, 3), (0, 1, 2)));
    }

    [TestMethod]
    public void SizesOneByOne()
    {
        var like = zeros(1, ScalarType.Float64);
        Same(zeros([2, 3, 4], ScalarType.Float64), like.new_zeros(2, 3, 4), like.new_zeros([2, 3, 4]), like.new_full([2, 3, 4], 0));
        Same(full([2, 1, 3, 2], 7, ScalarType.Float64), like.new_full(2, 1, 3, 2, 7));
        Same(full([2, 1, 3], 7, ScalarType.Float64), like.new_full(2, 1, 3, 7));
        Same(full([2, 1], 7, ScalarType.Float64), like.new_full(2, 1, 7));
        Same(full([2], 7, ScalarType.Float64), like.new_full(2, 7));
        Same(ones([2, 1, 3], ScalarType.Float64), like.new_ones(2, 1, 3));
        Same(ones([2, 1, 3, 1], ScalarType.Float64), like.new_ones(2, 1, 3, 1));
        Same(zeros([2, 1, 3, 1], ScalarType.Float64), like.new_zeros(2, 1, 3, 1));
        CollectionAssert.AreEqual(new long[] { 2, 1, 3, 4 }, like.new_empty(2, 1, 3, 4).shape);
        CollectionAssert.AreEqual(new long[] { 2, 1, 3 }, like.new_empty(2, 1, 3).shape);
        Assert.AreEqual(ScalarType.Int32, like.new_full(2, 1, 7, ScalarType.Int32).dtype);
    }

    [TestMethod]
    public void PartsAndProducts()
    {
        var x = arange(24, ScalarType.Float32).reshape(2, 3, 4);
        var at = tensor(new long[] { 1, 2 });
        foreach (var (parts, dim) in new[] { (x.hsplit(at), 1), (hsplit(x, at), 1), (tensor_split(x, at, 1), 1), (x.dsplit(at), 2), (dsplit(x, at), 2), (x.dsplit((1, 2)), 2) })
        {
            Assert.HasCount(3, parts);
            Same(x.narrow(dim, 0, 1), parts[0]);
            Same(x.narrow(dim, 2, x.size(dim) - 2), parts[2]);
        }
        Same(x.narrow(0, 0, 1), x.vsplit(tensor(new long[] { 1 }))[0]);
        AreClose([3, 1], take_along_dim(tensor(new float[] { 1, 2, 3 }), [2L, 0L], 0));
        AreClose([3, 1], tensor(new float[] { 1, 2, 3 }).take_along_dim([2L, 0L]));
        Same(x.tensordot(x, [1, 2], [1, 2]), tensordot(x, x, [(1, 1), (2, 2)]));
        AreClose([4, 2, 1, 9, 3, 1], vander(tensor(new float[] { 2, 3 }), 3));
        AreClose([1, 2, 1, 3], vander(tensor(new float[] { 2, 3 }), increasing: true));
        Assert.ThrowsExactly<InvalidOperationException>(() => vander(x));
        var (a, b, c) = (rand(2, 3), rand(3, 4), rand(4, 2));
        Assert.IsTrue(chain_matmul(a, b, c).allclose(a.mm(b).mm(c)));
        AreClose([0, 2 * MathF.Log(3)], xlogy_(tensor(new float[] { 0, 2 }), tensor(new float[] { 5, 3 })));
        AreClose([MathF.PI * MathF.PI / 6], polygamma_(ones(1), 1), 1e-4);
        Assert.IsFalse(is_conj(a));
    }

    [TestMethod]
    public void SequencesArePadded()
    {
        Tensor[] sequences = [tensor(new float[] { 1, 2, 3 }), tensor(new float[] { 4 })];
        AreClose([1, 2, 3, 4, 9, 9], nn.utils.rnn.pad_sequence(sequences, batch_first: true, padding_value: 9));
        AreClose([1, 4, 2, 0, 3, 0], nn.utils.rnn.pad_sequence(sequences));
    }

    [TestMethod]
    public void ATensorIsReadBackFromItsFile()
    {
        var folder = Directory.CreateTempSubdirectory("torchsharp-tests-").FullName;
        try
        {
            var place = Path.Combine(folder, "t.bin");
            var x = rand(3, 4).to(ScalarType.BFloat16);
            save(x, place);
            var back = load(place);
            Assert.AreEqual(ScalarType.BFloat16, back.dtype);
            Same(x, back);
            CollectionAssert.AreEqual(new[] { place }, Directory.GetFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Same(Tensor expected, params Tensor[] others)
    {
        foreach (var t in others)
        {
            Assert.AreEqual(expected.dtype, t.dtype);
            Assert.IsTrue(expected.Equals(t), $"{t} is not {expected}");
        }
    }
}
