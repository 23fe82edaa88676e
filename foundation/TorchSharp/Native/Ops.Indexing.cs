namespace TorchSharp;

// Choosing, scattering and ordering elements.
internal static partial class Ops
{
    internal static readonly Op
        argsort = new("argsort"), argwhere = new("argwhere"), bucketize_Tensor = new("bucketize.Tensor"), gather = new("gather"),
        index_copy = new("index_copy"), index_copy_ = new("index_copy_"), index_fill_int_Scalar = new("index_fill.int_Scalar"),
        index_fill__int_Scalar = new("index_fill_.int_Scalar"), index_select = new("index_select"),
        masked_fill_Scalar = new("masked_fill.Scalar"), masked_fill__Scalar = new("masked_fill_.Scalar"),
        masked_scatter = new("masked_scatter"), masked_scatter_ = new("masked_scatter_"), masked_select = new("masked_select"),
        msort = new("msort"), nonzero = new("nonzero"), scatter_src = new("scatter.src"), scatter__src = new("scatter_.src"),
        scatter_add = new("scatter_add"), scatter_add_ = new("scatter_add_"), take = new("take"), topk = new("topk");
}
