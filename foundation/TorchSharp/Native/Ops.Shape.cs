namespace TorchSharp;

// Views and copies of another shape.
internal static partial class Ops
{
    internal static readonly Op
        adjoint = new("adjoint"), as_strided = new("as_strided"), broadcast_to = new("broadcast_to"),
        channel_shuffle = new("channel_shuffle"), chunk = new("chunk"), diag = new("diag"), diag_embed = new("diag_embed"),
        diagflat = new("diagflat"), diagonal = new("diagonal"), diagonal_scatter = new("diagonal_scatter"), expand_as = new("expand_as"),
        flatten_using_ints = new("flatten.using_ints"), flip = new("flip"), fliplr = new("fliplr"), flipud = new("flipud"),
        narrow = new("narrow"), ravel = new("ravel"), repeat = new("repeat"),
        repeat_interleave_self_Tensor = new("repeat_interleave.self_Tensor"),
        repeat_interleave_self_int = new("repeat_interleave.self_int"), select_scatter = new("select_scatter"),
        slice_scatter = new("slice_scatter"), swapaxes = new("swapaxes"), swapdims = new("swapdims"), t = new("t"), tile = new("tile"),
        tril = new("tril"), tril_ = new("tril_"), triu = new("triu"), triu_ = new("triu_"), unfold = new("unfold"),
        unsqueeze = new("unsqueeze"), unsqueeze_ = new("unsqueeze_"), view = new("view"), view_as = new("view_as");
}
