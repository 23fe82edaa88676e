using Microsoft.ML.Data;

namespace FoundationTests.Data;

/// <summary>Vectors behave the same dense and sparse.</summary>
[TestClass]
public sealed class VBufferTests
{
    private static VBuffer<float> Sparse() => new(6, 3, [1, 2, 3], [0, 2, 5]);

    [TestMethod]
    public void Sparse_values_stand_at_their_indices()
    {
        var v = Sparse();
        CollectionAssert.AreEqual(new float[] { 1, 0, 2, 0, 0, 3 }, v.DenseValues().ToArray());
        Assert.AreEqual(2, v.GetItemOrDefault(2));
        Assert.AreEqual(0, v.GetItemOrDefault(3));
        CollectionAssert.AreEqual(new[] { 0, 2, 5 }, v.GetIndices().ToArray());
        Assert.AreEqual("Sparse vector of size 6, 3 explicit values", v.ToString());
        Assert.AreEqual(6, v.Items(all: true).Count());
    }

    [TestMethod]
    [DataRow(0, 6)]
    [DataRow(1, 4)]
    [DataRow(2, 1)]
    [DataRow(3, 2)]
    [DataRow(6, 0)]
    public void Ranges_are_copied_as_of_the_dense_vector(int from, int length)
    {
        var target = new VBuffer<float>(2, [9, 9]);
        Sparse().CopyTo(ref target, from, length);
        CollectionAssert.AreEqual(Sparse().DenseValues().Skip(from).Take(length).ToArray(), target.DenseValues().ToArray());
        var dense = default(VBuffer<float>);
        Sparse().CopyToDense(ref dense);
        Assert.IsTrue(dense.IsDense);
        dense.CopyTo(ref target, from, length);
        CollectionAssert.AreEqual(Sparse().DenseValues().Skip(from).Take(length).ToArray(), target.DenseValues().ToArray());
    }

    [TestMethod]
    public void Spans_are_filled_with_defaults_between_the_values()
    {
        Span<float> target = stackalloc float[8];
        Sparse().CopyTo(target, 1, -1);
        CollectionAssert.AreEqual(new float[] { 0, 1, -1, 2, -1, -1, 3, 0 }, target.ToArray());
    }

    [TestMethod]
    public void Editors_reuse_buffers_that_are_large_enough()
    {
        var v = new VBuffer<int>(4, [1, 2, 3, 4]);
        var editor = VBufferEditor.Create(ref v, 3);
        Assert.IsFalse(editor.CreatedNewValues);
        editor.Values[0] = 7;
        v = editor.Commit();
        CollectionAssert.AreEqual(new[] { 7, 2, 3 }, v.DenseValues().ToArray());
        var larger = VBufferEditor.Create(ref v, 10, 2);
        Assert.IsTrue(larger.CreatedNewIndices);
        larger.Values[0] = 5;
        larger.Indices[0] = 9;
        v = larger.CommitTruncated(1);
        Assert.AreEqual(5, v.GetItemOrDefault(9));
        Assert.AreEqual(10, v.Length);
    }

    [TestMethod]
    public void Wrong_sizes_are_refused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new VBuffer<int>(3, [1, 2]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new VBuffer<int>(3, 2, [1, 2], [0]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Sparse().GetItemOrDefault(6));
    }
}
