namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor T => Ops.numpy_T.T(this);
        public Tensor H => Ops.matrix_H.T(this);
        public Tensor mT => Ops.mT.T(this);
        public Tensor mH => Ops.mH.T(this);
        public Tensor real => Ops.real.T(this);
        public Tensor imag => Ops.imag.T(this);

        public Tensor expand(params long[] sizes) => Ops.expand.T(this, sizes);
        public Tensor expand(long[] sizes, bool isImplicit = false) => Ops.expand.T(this, sizes, isImplicit);
        public Tensor expand(ReadOnlySpan<long> sizes, bool isImplicit = false) => Ops.expand.T(this, sizes, isImplicit);
        public Tensor expand(Size sizes, bool isImplicit = false) => Ops.expand.T(this, sizes.Shape, isImplicit);
        public Tensor permute(params long[] permutation) => Ops.permute.T(this, permutation);
        public Tensor permute(IEnumerable<long> permutation) => Ops.permute.T(this, permutation as long[] ?? [.. permutation]);
        public Tensor squeeze(long? dim = null) => dim is { } d ? Ops.squeeze_dim.T(this, d) : Ops.squeeze.T(this);
        public Tensor squeeze_(long? dim = null) => dim is { } d ? Ops.squeeze__dim.Do(this, d) : Ops.squeeze_.Do(this);
        public Tensor unflatten(long dim, params long[] sizes) => Ops.unflatten_int.T(this, dim, sizes);
        public Tensor unflatten(long dim, Size sizes) => Ops.unflatten_int.T(this, dim, sizes.Shape);
        public Tensor movedim(long[] source, long[] destination) => Ops.movedim_intlist.T(this, source, destination);
        public Tensor moveaxis(long[] source, long[] destination) => Ops.movedim_intlist.T(this, source, destination);
        public Tensor roll(long shifts, long? dims = null) => Ops.roll.T(this, shifts, dims is { } d ? (Arg)d : Array.Empty<long>());
        public Tensor roll(long[] shifts) => Ops.roll.T(this, shifts);
        public Tensor roll(long[] shifts, long[] dims) => Ops.roll.T(this, shifts, dims);
        public Tensor roll(ReadOnlySpan<long> shifts, ReadOnlySpan<long> dims = default) => Ops.roll.T(this, shifts, dims);
        public Tensor roll((long, long) shifts, (long, long) dims) => Ops.roll.T(this, new[] { shifts.Item1, shifts.Item2 }, new[] { dims.Item1, dims.Item2 });
        public Tensor roll((long, long, long) shifts, (long, long, long) dims) =>
            Ops.roll.T(this, new[] { shifts.Item1, shifts.Item2, shifts.Item3 }, new[] { dims.Item1, dims.Item2, dims.Item3 });

        public Tensor[] unbind(long dimension = 0L) => Ops.unbind_int.Call(this, dimension).List;
        public Tensor[] split(long size, int dim = 0) => Ops.split_Tensor.Call(this, size, dim).List;
        public Tensor[] split(long[] sizes, long dim = 0L) => Ops.split_with_sizes.Call(this, sizes, dim).List;
        public Tensor[] split(ReadOnlySpan<long> sizes, long dim = 0L) => Ops.split_with_sizes.Call(this, sizes, dim).List;
        public Tensor[] split(params long[] sizes) => Ops.split_with_sizes.Call(this, sizes).List;
        public Tensor[] tensor_split(long size, long dim = 0L) => Ops.tensor_split_sections.Call(this, size, dim).List;
        public Tensor[] tensor_split(long[] sizes, long dim = 0L) => Ops.tensor_split_indices.Call(this, sizes, dim).List;
        public Tensor[] tensor_split(Tensor indices, long dim = 0L) => Ops.tensor_split_tensor_indices_or_sections.Call(this, indices, dim).List;

        public Tensor where(Tensor condition, Tensor y) => Ops.where_self.T(condition, this, y);
        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) => Ops.index_add.T(this, dim, index, source, alpha);
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) => Ops.index_add_.Do(this, dim, index, source, alpha);
        public Tensor take_along_dim(Tensor indices) => Ops.take_along_dim.T(this, indices);
        public Tensor take_along_dim(Tensor indices, long dim) => Ops.take_along_dim.T(this, indices, dim);
        public IList<Tensor> nonzero_as_list() => Ops.where.Call(this).List;

        public (Tensor Values, Tensor Indices) sort(long dim = -1L, bool descending = false, bool stable = false) =>
            Ops.sort_stable.Call(this, stable, dim, descending).T2;
        public (Tensor values, Tensor indices) kthvalue(long k, long? dim, bool keepdim = false) => Ops.kthvalue.Call(this, k, dim ?? -1, keepdim).T2;
        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) => Ops.isin_Tensor_Tensor.T(this, test_elements, assumeUnique, invert);

        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null) =>
            Wanted(dim is { } d ? Ops.unique_dim.Call(this, d, sorted, return_inverse, return_counts).T3 : Ops._unique2.Call(this, sorted, return_inverse, return_counts).T3,
                return_inverse, return_counts);

        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique_consecutive(bool return_inverse = false, bool return_counts = false, int? dim = null) =>
            Wanted(Ops.unique_consecutive.Call(this, return_inverse, return_counts, dim).T3, return_inverse, return_counts);

        // What was not asked for comes back empty from libtorch and is null here.
        private static (Tensor, Tensor?, Tensor?) Wanted((Tensor, Tensor, Tensor) all, bool inverse, bool counts)
        {
            if (!inverse) all.Item2.Dispose();
            if (!counts) all.Item3.Dispose();
            return (all.Item1, inverse ? all.Item2 : null, counts ? all.Item3 : null);
        }
    }

    public static Tensor permute(Tensor input, params long[] permutation) => input.permute(permutation);
    public static Tensor squeeze(Tensor input, long? dim = null) => input.squeeze(dim);
    public static Tensor squeeze_(Tensor input, long? dim = null) => input.squeeze_(dim);
    public static Tensor unflatten(Tensor input, long dim, params long[] sizes) => input.unflatten(dim, sizes);
    public static Tensor unflatten(Tensor input, long dim, Size sizes) => input.unflatten(dim, sizes);
    public static Tensor movedim(Tensor input, long source, long destination) => input.movedim([source], [destination]);
    public static Tensor movedim(Tensor input, long[] source, long[] destination) => input.movedim(source, destination);
    public static Tensor moveaxis(Tensor input, long source, long destination) => input.movedim([source], [destination]);
    public static Tensor moveaxis(Tensor input, long[] source, long[] destination) => input.movedim(source, destination);
    public static Tensor roll(Tensor input, long shifts, long? dims = null) => input.roll(shifts, dims);
    public static Tensor roll(Tensor input, long[] shifts) => input.roll(shifts);
    public static Tensor roll(Tensor input, long[] shifts, long[] dims) => input.roll(shifts, dims);
    public static Tensor[] unbind(Tensor input, long dim = 0L) => input.unbind(dim);
    public static Tensor[] split(Tensor tensor, long[] split_size_or_sections, long dim = 0L) => tensor.split(split_size_or_sections, dim);
    public static Tensor[] tensor_split(Tensor input, long indices_or_sections, long dim = 0L) => input.tensor_split(indices_or_sections, dim);
    public static Tensor[] tensor_split(Tensor input, long[] indices_or_sections, long dim = 0L) => input.tensor_split(indices_or_sections, dim);
    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Ops.where_self.T(condition, x, y);
    public static Tensor[] where(Tensor condition) => Ops.where.Call(condition).List;
    public static Tensor index_add(Tensor input, long dim, Tensor index, Tensor source, Scalar alpha) => input.index_add(dim, index, source, alpha);
    public static Tensor index_add_(Tensor input, long dim, Tensor index, Tensor source, Scalar alpha) => input.index_add_(dim, index, source, alpha);
    public static Tensor take_along_dim(Tensor input, Tensor indices, long dim = 0L) => input.take_along_dim(indices, dim);
    public static (Tensor values, Tensor indices) sort(Tensor input, long dim = -1L, bool descending = false, bool stable = false) => input.sort(dim, descending, stable);
    public static (Tensor values, Tensor indices) kthvalue(Tensor input, long k, long? dim, bool keepdim = false) => input.kthvalue(k, dim, keepdim);
    public static Tensor isin(Tensor tensor, Tensor test_elements, bool assumeUnique = false, bool invert = false) => tensor.isin(test_elements, assumeUnique, invert);
    public static Tensor searchsorted(Tensor sorted_sequence, Tensor values, bool out_int32 = false, bool right = false, Tensor? sorter = null) =>
        Ops.searchsorted_Tensor.T(sorted_sequence, values, out_int32, right, default, sorter);
    public static Tensor searchsorted(Tensor sorted_sequence, Scalar values, bool out_int32, bool right, Tensor sorter) =>
        Ops.searchsorted_Scalar.T(sorted_sequence, values, out_int32, right, default, sorter);
    public static (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(Tensor input, bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null) =>
        input.unique(sorted, return_inverse, return_counts, dim);
    public static (Tensor output, Tensor? inverse_indices, Tensor? counts) unique_consecutive(Tensor input, bool return_inverse = false, bool return_counts = false, int? dim = null) =>
        input.unique_consecutive(return_inverse, return_counts, dim);
}
