namespace TorchSharp;

public static partial class torch
{
    // Views and copies of another shape.
    public partial class Tensor
    {
        public Tensor adjoint() => Ops.adjoint.T(this);
        public Tensor as_strided(long[] size, long[] strides, long storageOffset = 0) =>
            Ops.as_strided.T(this, size, strides, storageOffset);
        public Tensor broadcast_to(params long[] shape) => Ops.broadcast_to.T(this, shape);
        public Tensor channel_shuffle(long groups) => Ops.channel_shuffle.T(this, groups);
        public Tensor[] chunk(long chunks, long dim = 0) => Ops.chunk.Call(this, chunks, dim).List;
        public Tensor diag(long diagonal = 0) => Ops.diag.T(this, diagonal);
        public Tensor diag_embed(long offset = 0, long dim1 = -2, long dim2 = -1) => Ops.diag_embed.T(this, offset, dim1, dim2);
        public Tensor diagflat(long offset = 0) => Ops.diagflat.T(this, offset);
        public Tensor diagonal(long offset = 0, long dim1 = 0, long dim2 = 1) => Ops.diagonal.T(this, offset, dim1, dim2);
        public Tensor diagonal_scatter(Tensor src, long offset = 0, long dim1 = 0, long dim2 = 1) =>
            Ops.diagonal_scatter.T(this, src, offset, dim1, dim2);
        public Tensor expand_as(Tensor other) => Ops.expand_as.T(this, other);
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Ops.flatten_using_ints.T(this, start_dim, end_dim);
        public Tensor flip(params long[] dims) => Ops.flip.T(this, dims);
        public Tensor fliplr() => Ops.fliplr.T(this);
        public Tensor flipud() => Ops.flipud.T(this);
        public Tensor narrow(long dim, long start, long length) => Ops.narrow.T(this, dim, start, length);
        public Tensor ravel() => Ops.ravel.T(this);
        public Tensor repeat(params long[] sizes) => Ops.repeat.T(this, sizes);
        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) =>
            Ops.repeat_interleave_self_Tensor.T(this, repeats, dim, output_size);
        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) =>
            Ops.repeat_interleave_self_int.T(this, repeats, dim, output_size);
        public Tensor select_scatter(Tensor src, long dim, long index) => Ops.select_scatter.T(this, src, dim, index);
        public Tensor slice_scatter(Tensor src, long dim = 0, long? start = null, long? end = null, long step = 1) =>
            Ops.slice_scatter.T(this, src, dim, start, end, step);
        public Tensor swapaxes(long dim0, long dim1) => Ops.swapaxes.T(this, dim0, dim1);
        public Tensor swapdims(long dim0, long dim1) => Ops.swapdims.T(this, dim0, dim1);
        public Tensor t() => Ops.t.T(this);
        public Tensor tile(long[] reps) => Ops.tile.T(this, reps);
        public Tensor tril(long diagonal = 0) => Ops.tril.T(this, diagonal);
        public Tensor tril_(long diagonal = 0) => Ops.tril_.Do(this, diagonal);
        public Tensor triu(long diagonal = 0) => Ops.triu.T(this, diagonal);
        public Tensor triu_(long diagonal = 0) => Ops.triu_.Do(this, diagonal);
        public Tensor unfold(long dimension, long size, long step) => Ops.unfold.T(this, dimension, size, step);
        public Tensor unsqueeze(long dim) => Ops.unsqueeze.T(this, dim);
        public Tensor unsqueeze_(long dim) => Ops.unsqueeze_.Do(this, dim);
        public Tensor view(params long[] shape) => Ops.view.T(this, shape);
        public Tensor view_as(Tensor other) => Ops.view_as.T(this, other);
    }
}
