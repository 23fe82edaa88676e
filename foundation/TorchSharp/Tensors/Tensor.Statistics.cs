namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        private Tensor As(ScalarType? type) => type is { } t && t != dtype ? to_type(t) : alias();

        private Tensor Deviation(Op op, Arg dims, bool unbiased, bool keepdim, ScalarType? type)
        {
            using var x = As(type);
            return op.T(x, dims, unbiased ? 1 : 0, keepdim);
        }

        private (Tensor, Tensor) DeviationAndMean(Op op, Arg dims, bool unbiased, bool keepdim, ScalarType? type)
        {
            using var x = As(type);
            return op.Call(x, dims, unbiased ? 1 : 0, keepdim).T2;
        }

        public Tensor std(bool unbiased = true) => Deviation(Ops.std_correction, Arg.None, unbiased, false, null);
        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Deviation(Ops.std_correction, dim, unbiased, keepdim, type);
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Deviation(Ops.std_correction, dimensions, unbiased, keepdim, type);
        public Tensor std(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Deviation(Ops.std_correction, dimensions, unbiased, keepdim, type);
        public Tensor var(bool unbiased = true) => Deviation(Ops.var_correction, Arg.None, unbiased, false, null);
        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Deviation(Ops.var_correction, dim, unbiased, keepdim, type);
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Deviation(Ops.var_correction, dimensions, unbiased, keepdim, type);
        public Tensor var(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Deviation(Ops.var_correction, dimensions, unbiased, keepdim, type);
        public (Tensor std, Tensor mean) std_mean(bool unbiased = true) => DeviationAndMean(Ops.std_mean_correction, Arg.None, unbiased, false, null);
        public (Tensor std, Tensor mean) std_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => DeviationAndMean(Ops.std_mean_correction, dim, unbiased, keepdim, type);
        public (Tensor std, Tensor mean) std_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => DeviationAndMean(Ops.std_mean_correction, dimensions, unbiased, keepdim, type);
        public (Tensor var, Tensor mean) var_mean(bool unbiased = true) => DeviationAndMean(Ops.var_mean_correction, Arg.None, unbiased, false, null);
        public (Tensor var, Tensor mean) var_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => DeviationAndMean(Ops.var_mean_correction, dim, unbiased, keepdim, type);
        public (Tensor std, Tensor mean) var_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => DeviationAndMean(Ops.var_mean_correction, dimensions, unbiased, keepdim, type);

        public Tensor amax(params long[] dims) => Ops.amax.T(this, dims);
        public Tensor amax(long[] dims, bool keepdim = false, Tensor? @out = null) => Extreme(Ops.amax, Ops.amax_out, dims, keepdim, @out);
        public Tensor amax(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => Extreme(Ops.amax, Ops.amax_out, dims, keepdim, @out);
        public Tensor amin(params long[] dims) => Ops.amin.T(this, dims);
        public Tensor amin(long[] dims, bool keepdim = false, Tensor? @out = null) => Extreme(Ops.amin, Ops.amin_out, dims, keepdim, @out);
        public Tensor amin(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => Extreme(Ops.amin, Ops.amin_out, dims, keepdim, @out);

        private Tensor Extreme(Op op, Op into, Arg dims, bool keepdim, Tensor? @out)
        {
            if (@out is null) return op.T(this, dims, keepdim);
            into.T(this, dims, keepdim, @out).Dispose();
            return @out;
        }

        public Tensor histc(long bins = 100L, long min = 0L, long max = 0L) => Ops.histc.T(this, bins, min, max);
        public Tensor count_nonzero(long[]? dims = null) => dims is null ? Ops.count_nonzero.T(this) : Ops.count_nonzero_dim_IntList.T(this, dims);
        public Tensor norm(float p = 2f) => Ops.norm_Scalar.T(this, p);
        public Tensor norm(int dim, bool keepdim = false, float p = 2f) => Ops.norm_ScalarOpt_dim.T(this, p, dim, keepdim);
        public Tensor cov(long correction = 1L, Tensor? fweights = null, Tensor? aweights = null) => Ops.cov.T(this, correction, fweights, aweights);
        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) => sum([dim0, dim1], keepdim, type);
        public Tensor sum(long dim0, long dim1, long dim2, bool keepdim = false, ScalarType? type = null) => sum([dim0, dim1, dim2], keepdim, type);

        public Tensor equal(Tensor target) => eq(target);
        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) => Ops.allclose.Call(this, target, rtol, atol, equal_nan).Bool;
        public bool is_nonzero() => Ops.is_nonzero.Call(this).Bool;
        public bool is_neg() => Ops.is_neg.Call(this).Bool;
        public bool is_conj() => Ops.is_conj.Call(this).Bool;
        public Tensor logical_not_() => Ops.logical_not_.Do(this);
        public Tensor xlogy_(Tensor y) => Ops.xlogy__Tensor.Do(this, y);
        public Tensor xlogy_(Scalar y) => Ops.xlogy__Scalar_Other.Do(this, y);
        public Tensor random_(double from, double to, Generator? generator = null) => Ops.random__from.Do(this, (long)from, (long)to, generator);
        public Tensor binomial(Tensor prob, Generator? generator = null) => Ops.binomial.T(this, prob, generator);
        public Tensor lerp_(Tensor end, Tensor weight) => Ops.lerp__Tensor.Do(this, end, weight);
        public Tensor polygamma(long p) => Ops.polygamma.T(p, this);
        public Tensor polygamma_(long p) => Ops.polygamma_.Do(this, p);
        public Tensor gelu() => Ops.gelu.T(this);
        public Tensor gelu(Modules.GELU.Approximate approximate) => Ops.gelu.T(this, approximate.ToString());
        public Tensor gelu_() => Ops.gelu_.Do(this);
        public Tensor gelu_(Modules.GELU.Approximate approximate) => Ops.gelu_.Do(this, approximate.ToString());
        public Tensor relu6_() => clamp_((Scalar)0, (Scalar)6);
        public Tensor softmax(long dim, ScalarType? dtype = null) => Ops.softmax_int.T(this, dim, dtype);
        public Tensor pinverse(double rcond = 1E-15, bool hermitian = false) => Ops.pinverse.T(this, Arg.None, rcond, hermitian);
        public Tensor tensordot(Tensor b, long[] dims1, long[] dims2) => Ops.tensordot.T(this, b, dims1, dims2);
        public Tensor tensordot(Tensor b, long dims = 2L) =>
            Ops.tensordot.T(this, b, Enumerable.Range(0, (int)dims).Select(k => k - dims).ToArray(), Enumerable.Range(0, (int)dims).Select(k => (long)k).ToArray());
    }

    public static Tensor std(Tensor input, bool unbiased = true) => input.std(unbiased);
    public static Tensor std(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => input.std(dimensions, unbiased, keepdim, type);
    public static Tensor std(Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => input.std(dimensions, unbiased, keepdim, type);
    public static Tensor var(Tensor input, bool unbiased = true) => input.var(unbiased);
    public static Tensor var(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => input.var(dimensions, unbiased, keepdim, type);
    public static Tensor var(Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => input.var(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) std_mean(Tensor input, bool unbiased = true) => input.std_mean(unbiased);
    public static (Tensor std, Tensor mean) std_mean(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => input.std_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor var, Tensor mean) var_mean(Tensor input, bool unbiased = true) => input.var_mean(unbiased);
    public static (Tensor var, Tensor mean) var_mean(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => input.var_mean(dimensions, unbiased, keepdim, type);
    public static Tensor amax(Tensor input, long[] dims) => input.amax(dims);
    public static Tensor amax(Tensor input, long[] dims, bool keepdim = false, Tensor? @out = null) => input.amax(dims, keepdim, @out);
    public static Tensor amax(Tensor input, ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => input.amax(dims, keepdim, @out);
    public static Tensor amin(Tensor input, long[] dims, bool keepdim = false, Tensor? @out = null) => input.amin(dims, keepdim, @out);
    public static Tensor amin(Tensor input, ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => input.amin(dims, keepdim, @out);
    public static Tensor histc(Tensor input, long bins = 100L, long min = 0L, long max = 0L) => input.histc(bins, min, max);
    public static Tensor count_nonzero(Tensor input, long[]? dims = null) => input.count_nonzero(dims);
    public static Tensor norm(Tensor input) => input.norm();
    public static Tensor norm(Tensor input, float p = 2f) => input.norm(p);
    public static Tensor norm(Tensor input, int dimension, bool keepdim = false, float p = 2f) => input.norm(dimension, keepdim, p);
    public static Tensor cov(Tensor input, long correction = 1L, Tensor? fweights = null, Tensor? aweights = null) => input.cov(correction, fweights, aweights);
    public static Tensor equal(Tensor tensor, Tensor target) => tensor.eq(target);
    public static bool allclose(Tensor tensor, Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) => tensor.allclose(target, rtol, atol, equal_nan);
    public static bool is_nonzero(Tensor input) => input.is_nonzero();
    public static Tensor softmax(Tensor input, int dim, ScalarType? dtype = null) => input.softmax(dim, dtype);
    public static Tensor polygamma(Tensor input, long p) => input.polygamma(p);
    public static Tensor pinverse(Tensor input, double rcond = 1E-15, bool hermitian = false) => input.pinverse(rcond, hermitian);
    public static Tensor tensordot(Tensor a, Tensor b, long dims = 2L) => a.tensordot(b, dims);
    public static Tensor tensordot(Tensor a, Tensor b, long[] dims1, long[] dims2) => a.tensordot(b, dims1, dims2);
}
