namespace TorchSharp;

public static partial class torch
{
    // Reductions and running reductions.
    public partial class Tensor
    {
        public Tensor all() => Ops.all.T(this);
        public Tensor all(long dim, bool keepdim = false) => Ops.all_dim.T(this, dim, keepdim);
        public (Tensor min, Tensor max) aminmax(long? dim = null, bool keepdim = false) => Ops.aminmax.Call(this, dim, keepdim).T2;
        public Tensor any() => Ops.any.T(this);
        public Tensor any(long dim, bool keepdim = false) => Ops.any_dim.T(this, dim, keepdim);
        public Tensor argmax() => Ops.argmax.T(this);
        public Tensor argmax(long dim, bool keepdim = false) => Ops.argmax.T(this, dim, keepdim);
        public Tensor argmin() => Ops.argmin.T(this);
        public Tensor argmin(long dim, bool keepdim = false) => Ops.argmin.T(this, dim, keepdim);
        public Tensor bincount(Tensor? weights, long minlength = 0) => Ops.bincount.T(this, weights, minlength);
        public Tensor corrcoef() => Ops.corrcoef.T(this);
        public (Tensor values, Tensor indexes) cummax(long dim) => Ops.cummax.Call(this, dim).T2;
        public (Tensor values, Tensor indexes) cummin(long dim) => Ops.cummin.Call(this, dim).T2;
        public Tensor cumprod(long dim, ScalarType? type = null) => Ops.cumprod.T(this, dim, type);
        public Tensor cumsum(long dim, ScalarType? type = null) => Ops.cumsum.T(this, dim, type);
        public Tensor cumulative_trapezoid(Tensor x, long dim = -1) => Ops.cumulative_trapezoid_x.T(this, x, dim);
        public Tensor cumulative_trapezoid(double dx = 1, long dim = -1) => Ops.cumulative_trapezoid_dx.T(this, dx, dim);
        public Tensor diff(long n = 1, long dim = -1, Tensor? prepend = null, Tensor? append = null) =>
            Ops.diff.T(this, n, dim, prepend, append);
        public Tensor dist(Tensor other, float p = 2f) => Ops.dist.T(this, other, p);
        public Tensor logcumsumexp(long dim) => Ops.logcumsumexp.T(this, dim);
        public Tensor logsumexp(long dim, bool keepdim = false) => Ops.logsumexp.T(this, dim, keepdim);
        public Tensor mean() => Ops.mean.T(this);
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Ops.mean_dim.T(this, dimensions, keepdim, type);
        public Tensor median() => Ops.median.T(this);
        public (Tensor values, Tensor indices) mode(long dim = -1, bool keepdim = false) => Ops.mode.Call(this, dim, keepdim).T2;
        public Tensor nanmean(int? dim = null, bool keepdim = false, ScalarType? dtype = null) => Ops.nanmean.T(this, dim, keepdim, dtype);
        public Tensor nanmedian() => Ops.nanmedian.T(this);
        public Tensor nanquantile(Tensor q, long dim = -1, bool keepdim = false) => Ops.nanquantile.T(this, q, dim, keepdim);
        public Tensor nansum() => Ops.nansum.T(this);
        public Tensor prod(ScalarType? type = null) => Ops.prod.T(this, type);
        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) => Ops.prod_dim_int.T(this, dim, keepdim, type);
        public Tensor quantile(Tensor q, long dim = -1, bool keepdim = false) => Ops.quantile.T(this, q, dim, keepdim);
        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) =>
            Ops.sum_dim_IntList.T(this, dim, keepdim, type);
        public Tensor sum(ScalarType? type = null) => Ops.sum.T(this, type);
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => Ops.sum_dim_IntList.T(this, dim, keepdim, type);
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Ops.sum_dim_IntList.T(this, dim, keepdim, type);
        public Tensor trace() => Ops.trace.T(this);
        public Tensor trapezoid(Tensor x, long dim = -1) => Ops.trapezoid_x.T(this, x, dim);
        public Tensor trapezoid(double dx = 1, long dim = -1) => Ops.trapezoid_dx.T(this, dx, dim);
    }
}
