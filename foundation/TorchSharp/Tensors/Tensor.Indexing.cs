namespace TorchSharp;

public static partial class torch
{
    // Choosing, scattering and ordering elements.
    public partial class Tensor
    {
        public Tensor argsort(long dim = -1, bool descending = false) => Ops.argsort.T(this, dim, descending);
        public Tensor argwhere() => Ops.argwhere.T(this);
        public Tensor bucketize(Tensor boundaries, bool outInt32 = false, bool right = false) =>
            Ops.bucketize_Tensor.T(this, boundaries, outInt32, right);
        public Tensor gather(long dim, Tensor index) => Ops.gather.T(this, dim, index);
        public Tensor index_copy(long dim, Tensor index, Tensor source) => Ops.index_copy.T(this, dim, index, source);
        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Ops.index_copy_.Do(this, dim, index, source);
        public Tensor index_fill(long dim, Tensor index, Scalar value) => Ops.index_fill_int_Scalar.T(this, dim, index, value);
        public Tensor index_fill_(long dim, Tensor index, Scalar value) => Ops.index_fill__int_Scalar.Do(this, dim, index, value);
        public Tensor index_select(long dim, Tensor index) => Ops.index_select.T(this, dim, index);
        public Tensor masked_fill(Tensor mask, Scalar value) => Ops.masked_fill_Scalar.T(this, mask, value);
        public Tensor masked_fill_(Tensor mask, Scalar value) => Ops.masked_fill__Scalar.Do(this, mask, value);
        public Tensor masked_scatter(Tensor mask, Tensor value) => Ops.masked_scatter.T(this, mask, value);
        public Tensor masked_scatter_(Tensor mask, Tensor value) => Ops.masked_scatter_.Do(this, mask, value);
        public Tensor masked_select(Tensor mask) => Ops.masked_select.T(this, mask);
        public Tensor msort() => Ops.msort.T(this);
        public Tensor nonzero() => Ops.nonzero.T(this);
        public Tensor scatter(long dim, Tensor index, Tensor src) => Ops.scatter_src.T(this, dim, index, src);
        public Tensor scatter_(long dim, Tensor index, Tensor src) => Ops.scatter__src.Do(this, dim, index, src);
        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Ops.scatter_add.T(this, dim, index, src);
        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Ops.scatter_add_.Do(this, dim, index, src);
        public Tensor take(Tensor index) => Ops.take.T(this, index);
        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Ops.topk.Call(this, k, dim, largest, sorted).T2;
    }
}
