using static TorchSharp.torch;

namespace TorchSharp.Tests;

[TestClass]
public sealed class TensorTests : LeakCheckedTests
{
    [TestMethod]
    public void SeedZeroGivesPyTorchsNumbers()
    {
        manual_seed(0);
        AreClose([1.5410f, -0.2934f, -2.1788f], randn(3), 1e-4);
        manual_seed(0);
        AreClose([0.4963f, 0.7682f, 0.0885f], rand(3), 1e-4);
        manual_seed(0);
        CollectionAssert.AreEqual(new long[] { 4, 1, 7, 5, 3, 9, 0, 8, 6, 2 }, randperm(10).data<long>().ToArray());
    }

    [TestMethod]
    public void AGeneratorIsAStreamOfItsOwn()
    {
        using var g = new Generator(7);
        var first = randn(4, generator: g);
        var state = g.get_state();
        var second = randn(4, generator: g);
        g.set_state(state);
        AreClose(second.data<float>().ToArray(), randn(4, generator: g));
        g.manual_seed(7);
        AreClose(first.data<float>().ToArray(), randn(4, generator: g));
        Assert.AreEqual(7, g.initial_seed());
    }

    [TestMethod]
    public void FactoriesGiveTypeAndShape()
    {
        Assert.AreEqual(ScalarType.Int64, arange(5).dtype);
        Assert.AreEqual(ScalarType.Float32, arange(0.0, 1.0, 0.25).dtype);
        CollectionAssert.AreEqual(new long[] { 2, 3 }, zeros(2, 3).shape);
        CollectionAssert.AreEqual(new long[] { 2, 3, 4, 5 }, empty(2, 3, 4, 5).shape);
        Assert.AreEqual(0, zeros([]).dim());
        AreClose([1, 0, 0, 0, 1, 0], eye(2, 3));
        AreClose([7, 7], full(2, 7));
        Assert.AreEqual(ScalarType.Int32, tensor(new[] { 1, 2 }).dtype);
        Assert.AreEqual(ScalarType.BFloat16, ones(2, ScalarType.BFloat16).dtype);
        AreClose([1, 2, 3, 4], from_array(new float[,] { { 1, 2 }, { 3, 4 } }));
        CollectionAssert.AreEqual(new long[] { 2, 2 }, from_array(new float[,] { { 1, 2 }, { 3, 4 } }).shape);
        AreClose([1, 2, 3, 4, 5, 6], tensor(new float[] { 1, 2, 3, 4, 5, 6 }, [2, 3]));
        Assert.ThrowsExactly<ArgumentException>(() => tensor(new float[] { 1, 2, 3 }, [2, 2]));
    }

    [TestMethod]
    public void AllFormsOfIndexing()
    {
        var t = arange(24).reshape(2, 3, 4);
        Assert.AreEqual(23, t[1, 2, 3].item<long>());
        Assert.AreEqual(23, t[-1, -1, -1].item<long>());
        CollectionAssert.AreEqual(new long[] { 2, 4 }, t[TensorIndex.Colon, 1].shape);
        CollectionAssert.AreEqual(new long[] { 2, 3 }, t[TensorIndex.Ellipsis, 0].shape);
        CollectionAssert.AreEqual(new long[] { 1, 2, 1, 3, 4 }, t[TensorIndex.None, TensorIndex.Ellipsis].unsqueeze(2).shape);
        CollectionAssert.AreEqual(new long[] { 1, 3, 4 }, t[1..].shape);
        CollectionAssert.AreEqual(new long[] { 4, 5, 6, 7 }, t[0, 1, ..].data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 1, 3 }, t[0, 0, TensorIndex.Slice(1, null, 2)].data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 2, 3 }, t[0, 0, ^2..].data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 0, 1, 2 }, t[0, 0, ..^1].data<long>().ToArray());
        var rows = tensor(new long[] { 2, 0 });
        CollectionAssert.AreEqual(new long[] { 2, 2, 4 }, t[TensorIndex.Colon, TensorIndex.Tensor(rows)].shape);
        CollectionAssert.AreEqual(new long[] { 21, 22, 23 }, t[t > 20].data<long>().ToArray());
        t[0, 0, 0] = tensor(99L);
        Assert.AreEqual(99, t[0, 0, 0].item<long>());
        t[TensorIndex.Colon, 1] = zeros(1, ScalarType.Int64);
        Assert.AreEqual(0, t[TensorIndex.Colon, 1].sum().item<long>());
        t.index_put_(5, TensorIndex.Single(1), TensorIndex.Single(2));
        Assert.AreEqual(20, t[1, 2].sum().item<long>());
    }

    [TestMethod]
    public void DataWithoutCopies()
    {
        var t = zeros(3);
        t.data<float>()[1] = 5;
        AreClose([0, 5, 0], t);
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(t.bytes)[2] = 7;
        AreClose([0, 5, 7], t);
        t.bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(new float[] { 1, 2, 3 }.AsSpan());
        AreClose([1, 2, 3], t);
        Assert.ThrowsExactly<InvalidOperationException>(() => _ = ones(2, 3).t().bytes.Length);
        var array = new float[] { 1, 2, 3, 4 };
        var shared = frombuffer(array, ScalarType.Float32, offset: 1, count: 2);
        array[1] = 20;
        AreClose([20, 3], shared);
        CollectionAssert.AreEqual(new float[] { 1, 3, 2, 4 }, tensor(new float[] { 1, 2, 3, 4 }, [2, 2]).t().data<float>().ToArray());
    }

    [TestMethod]
    public void Conversions()
    {
        var t = tensor(new float[] { 1.5f, -2.5f });
        CollectionAssert.AreEqual(new long[] { 1, -2 }, t.to(int64).data<long>().ToArray());
        Assert.AreEqual((BFloat16)1.5f, t.bfloat16()[0].item<BFloat16>());
        Assert.AreEqual((Half)(-2.5f), t.half()[1].item<Half>());
        Assert.AreEqual(1.5, t[0].ToDouble());
        Assert.AreEqual(-2, t[1].ToInt32());
        Assert.IsTrue(ones(1).ToBoolean());
        Assert.AreEqual(3, (int)tensor(3));
        var same = t.to(ScalarType.Float32);
        Assert.AreNotSame(t, same);
        same[0] = tensor(9f);
        AreClose([9, -2.5f], t);
        var copy = t.clone();
        copy.zero_();
        AreClose([9, -2.5f], t);
    }

    [TestMethod]
    public void OperatorsWithNumbers()
    {
        var t = tensor(new float[] { 1, 2 });
        AreClose([3, 4], t + 2);
        AreClose([1, 0], 2 - t);
        AreClose([2, 4], 2 * t);
        AreClose([0.5f, 1], t / 2);
        AreClose([2, 1], 2 / t);
        AreClose([1, 0], t % 2);
        AreClose([-1, -2], -t);
        Assert.IsTrue((t > 1)[1].ToBoolean() && !(t > 1)[0].ToBoolean());
        Assert.AreEqual(ScalarType.Int64, (tensor(new long[] { 1 }) + 2).dtype);
        Assert.AreEqual(ScalarType.Float32, (tensor(new long[] { 1 }) + 2.5).dtype);
        AreClose([1.5f, 2.5f], t.add(0.5f));
        AreClose([7, 8], t.add(tensor(new float[] { 2, 2 }), 3));
    }

    [TestMethod]
    public void UniqueGivesWhatIsAskedFor()
    {
        var (values, inverse, counts) = tensor(new long[] { 3, 1, 3, 2 }).unique(return_inverse: true, return_counts: true);
        CollectionAssert.AreEqual(new long[] { 1, 2, 3 }, values.data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 2, 0, 2, 1 }, inverse!.data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 1, 1, 2 }, counts!.data<long>().ToArray());
        Assert.IsNull(tensor(new long[] { 1 }).unique().counts);
    }

    [TestMethod]
    public void EinsumAndMeshgrid()
    {
        var a = tensor(new float[] { 1, 2, 3, 4 }, [2, 2]);
        AreClose([7, 10, 15, 22], einsum("ij,jk->ik", a, a));
        var grid = meshgrid([arange(2), arange(3)]);
        CollectionAssert.AreEqual(new long[] { 2, 3 }, grid[1].shape);
    }

    [TestMethod]
    public void SavedTensorsComeBack()
    {
        using var stream = new MemoryStream();
        var t = randn(3, 4).to(ScalarType.BFloat16);
        t.Save(stream);
        stream.Position = 0;
        using var reader = new BinaryReader(stream);
        var back = TensorExtensionMethods.Load(reader);
        Assert.IsTrue(t.Equals(back));
        stream.SetLength(stream.Length - 3);
        stream.Position = 0;
        Assert.ThrowsExactly<InvalidDataException>(() => TensorExtensionMethods.Load(reader));
    }

    [TestMethod]
    public void SparseTensors()
    {
        var t = sparse_coo_tensor(tensor(new long[] { 0, 1, 1, 2 }, [2, 2]), tensor(new float[] { 5, 6 }), [2, 3]);
        Assert.IsTrue(t.is_sparse);
        AreClose([0, 5, 0, 0, 0, 6], t.to_dense());
        AreClose([5, 6], t.to_dense().to_sparse().SparseValues);
    }

    [TestMethod]
    public void ThreadsAreTheMachines() => Assert.AreEqual(Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null ? Environment.ProcessorCount : get_num_threads(), get_num_threads());
}
