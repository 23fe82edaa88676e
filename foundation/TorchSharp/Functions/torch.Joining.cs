namespace TorchSharp;

// Several tensors into one.
public static partial class torch
{
    public static Tensor cat(Tensor[] tensors, long dim = 0L) => Ops.cat.T(tensors, dim);
    public static Tensor cat(IList<Tensor> tensors, long dim = 0L) => Ops.cat.T(tensors as Tensor[] ?? [.. tensors], dim);
    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0L) => Ops.cat.T(tensors.ToArray(), dim);
    public static Tensor concat(Tensor[] tensors, long dim = 0L) => cat(tensors, dim);
    public static Tensor concat(IList<Tensor> tensors, long dim = 0L) => cat(tensors, dim);
    public static Tensor concat(ReadOnlySpan<Tensor> tensors, long dim = 0L) => cat(tensors, dim);
    public static Tensor concatenate(Tensor[] tensors, long axis = 0L) => cat(tensors, axis);
    public static Tensor concatenate(IList<Tensor> tensors, long axis = 0L) => cat(tensors, axis);
    public static Tensor concatenate(ReadOnlySpan<Tensor> tensors, long axis = 0L) => cat(tensors, axis);
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0L) => Ops.stack.T(tensors as Tensor[] ?? [.. tensors], dim);
    public static Tensor hstack(params Tensor[] tensors) => Ops.hstack.T(tensors);
    public static Tensor hstack(IList<Tensor> tensors) => Ops.hstack.T(tensors as Tensor[] ?? [.. tensors]);
    public static Tensor hstack(IEnumerable<Tensor> tensors) => Ops.hstack.T(tensors as Tensor[] ?? [.. tensors]);
    public static Tensor hstack(ReadOnlySpan<Tensor> tensors) => Ops.hstack.T(tensors.ToArray());
    public static Tensor vstack(Tensor[] tensors) => Ops.vstack.T(tensors);
    public static Tensor vstack(IList<Tensor> tensors) => Ops.vstack.T(tensors as Tensor[] ?? [.. tensors]);
    public static Tensor vstack(ReadOnlySpan<Tensor> tensors) => Ops.vstack.T(tensors.ToArray());
    public static Tensor row_stack(params Tensor[] tensors) => vstack(tensors);
    public static Tensor row_stack(IList<Tensor> tensors) => vstack(tensors);
    public static Tensor row_stack(ReadOnlySpan<Tensor> tensors) => vstack(tensors);
    public static Tensor dstack(params Tensor[] tensors) => Ops.dstack.T(tensors);
    public static Tensor dstack(IList<Tensor> tensors) => Ops.dstack.T(tensors as Tensor[] ?? [.. tensors]);
    public static Tensor dstack(IEnumerable<Tensor> tensors) => Ops.dstack.T(tensors as Tensor[] ?? [.. tensors]);
    public static Tensor dstack(ReadOnlySpan<Tensor> tensors) => Ops.dstack.T(tensors.ToArray());
    public static Tensor column_stack(params Tensor[] tensors) => Ops.column_stack.T(tensors);
    public static Tensor column_stack(IList<Tensor> tensors) => Ops.column_stack.T(tensors as Tensor[] ?? [.. tensors]);
    public static Tensor column_stack(ReadOnlySpan<Tensor> tensors) => Ops.column_stack.T(tensors.ToArray());
    public static Tensor block_diag(params Tensor[] tensors) => Ops.block_diag.T(tensors);
    public static Tensor cartesian_prod(params Tensor[] tensors) => Ops.cartesian_prod.T(tensors);
    public static Tensor cartesian_prod(IList<Tensor> tensors) => Ops.cartesian_prod.T(tensors as Tensor[] ?? [.. tensors]);
    public static Tensor cartesian_prod(ReadOnlySpan<Tensor> tensors) => Ops.cartesian_prod.T(tensors.ToArray());
    public static Tensor combinations(Tensor input, int r = 2, bool with_replacement = false) => Ops.combinations.T(input, r, with_replacement);
    public static IList<Tensor> broadcast_tensors(params Tensor[] tensors) => Ops.broadcast_tensors.Call(tensors).List;
    public static Tensor[] meshgrid(IEnumerable<Tensor> tensors, string indexing = "ij") => Ops.meshgrid_indexing.Call(tensors as Tensor[] ?? [.. tensors], indexing).List;
    public static Tensor einsum(string equation, params Tensor[] tensors) => Ops.einsum.T(equation, tensors);
    public static Tensor cdist(Tensor x1, Tensor x2, double p = 2, compute_mode compute_mode = compute_mode.use_mm_for_euclid_dist_if_necessary) =>
        Ops._cdist.T(x1, x2, p, (long)compute_mode);
}
