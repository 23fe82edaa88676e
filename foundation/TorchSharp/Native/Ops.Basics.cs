namespace TorchSharp;

// What the hand-written members call.
internal static partial class Ops
{
    internal static readonly Op
        add_Tensor = new("add.Tensor"), add_Scalar = new("add.Scalar"), add__Tensor = new("add_.Tensor"), add__Scalar = new("add_.Scalar"),
        sub_Scalar = new("sub.Scalar"), sub__Tensor = new("sub_.Tensor"), sub__Scalar = new("sub_.Scalar"), rsub_Scalar = new("rsub.Scalar"),
        mul_Scalar = new("mul.Scalar"), mul__Tensor = new("mul_.Tensor"), mul__Scalar = new("mul_.Scalar"), div_Scalar = new("div.Scalar"),
        div_Tensor_mode = new("div.Tensor_mode"), div_Scalar_mode = new("div.Scalar_mode"), div__Tensor = new("div_.Tensor"),
        div__Scalar = new("div_.Scalar"), div__Tensor_mode = new("div_.Tensor_mode"), div__Scalar_mode = new("div_.Scalar_mode"),
        transpose_ = new("transpose_"), detach = new("detach"), detach_ = new("detach_"), contiguous = new("contiguous"),
        is_nonzero = new("is_nonzero"), is_neg = new("is_neg"), is_conj = new("is_conj"), allclose = new("allclose"), pin_memory = new("pin_memory"), set__source_Tensor = new("set_.source_Tensor"),
        to_dtype_layout = new("to.dtype_layout"), to_sparse = new("to_sparse"), to_sparse_sparse_dim = new("to_sparse.sparse_dim"),
        numpy_T = new("numpy_T"), matrix_H = new("matrix_H"), mT = new("mT"), mH = new("mH"), index_put_ = new("index_put_"), coo_indices = new("indices"), coo_values = new("values"), coalesce = new("coalesce"),
        expand = new("expand"), permute = new("permute"), squeeze = new("squeeze"), squeeze_dim = new("squeeze.dim"), squeeze_ = new("squeeze_"),
        squeeze__dim = new("squeeze_.dim"), unflatten_int = new("unflatten.int"), movedim_intlist = new("movedim.intlist"), roll = new("roll"),
        unbind_int = new("unbind.int"), split_Tensor = new("split.Tensor"), split_with_sizes = new("split_with_sizes"),
        tensor_split_sections = new("tensor_split.sections"), tensor_split_indices = new("tensor_split.indices"), tensor_split_tensor_indices_or_sections = new("tensor_split.tensor_indices_or_sections"),
        where_self = new("where.self"), where = new("where"), index_Tensor = new("index.Tensor"), index_add = new("index_add"), index_add_ = new("index_add_"),
        take_along_dim = new("take_along_dim"), searchsorted_Tensor = new("searchsorted.Tensor"), searchsorted_Scalar = new("searchsorted.Scalar"),
        sort_stable = new("sort.stable"), kthvalue = new("kthvalue"), isin_Tensor_Tensor = new("isin.Tensor_Tensor"),
        _unique2 = new("_unique2"), unique_dim = new("unique_dim"), unique_consecutive = new("unique_consecutive"),
        std_correction = new("std.correction"), var_correction = new("var.correction"), std_mean_correction = new("std_mean.correction"), var_mean_correction = new("var_mean.correction"),
        amax = new("amax"), amin = new("amin"), amax_out = new("amax.out"), amin_out = new("amin.out"), histc = new("histc"), count_nonzero_dim_IntList = new("count_nonzero.dim_IntList"), count_nonzero = new("count_nonzero"),
        norm_Scalar = new("norm.Scalar"), norm_ScalarOpt_dim = new("norm.ScalarOpt_dim"), cov = new("cov"), vander = new("linalg_vander"), logical_not_ = new("logical_not_"), xlogy__Tensor = new("xlogy_.Tensor"), xlogy__Scalar_Other = new("xlogy_.Scalar_Other"),
        random__from = new("random_.from"), binomial = new("binomial"), lerp__Tensor = new("lerp_.Tensor"), lerp__Scalar = new("lerp_.Scalar"), polygamma_ = new("polygamma_"), polygamma = new("polygamma"),
        tensordot = new("tensordot"), einsum = new("einsum"), cat = new("cat"), stack = new("stack"), hstack = new("hstack"), vstack = new("vstack"), dstack = new("dstack"),
        column_stack = new("column_stack"), meshgrid_indexing = new("meshgrid.indexing"), block_diag = new("block_diag"), cartesian_prod = new("cartesian_prod"), combinations = new("combinations"), broadcast_tensors = new("broadcast_tensors"),
        gelu = new("gelu"), gelu_ = new("gelu_"), softmax_int = new("softmax.int"), pinverse = new("linalg_pinv.atol_rtol_float"), linalg_cross = new("linalg_cross"), relu6_ = new("relu6_"),
        _cdist = new("cdist"), arange_start_step = new("arange.start_step"), linspace = new("linspace"), logspace = new("logspace"), eye_m = new("eye.m"), full = new("full"),
        empty_strided = new("empty_strided"), rand_generator = new("rand.generator"), randn_generator = new("randn.generator"), randint_low_generator = new("randint.low_generator"), randperm_generator = new("randperm.generator"),
        randperm_generator_out = new("randperm.generator_out"), normal_float_float = new("normal.float_float"), normal_Tensor_Tensor = new("normal.Tensor_Tensor"),
        zeros_like = new("zeros_like"), ones_like = new("ones_like"), empty_like = new("empty_like"), full_like = new("full_like"), rand_like = new("rand_like"), randn_like = new("randn_like"), randint_like_low_dtype = new("randint_like.low_dtype"),
        tril_indices = new("tril_indices"), triu_indices = new("triu_indices"), sparse_coo_tensor = new("sparse_coo_tensor.indices_size"), from_file = new("from_file"),
        hann_window_periodic = new("hann_window.periodic"), hamming_window_periodic_alpha_beta = new("hamming_window.periodic_alpha_beta"), bartlett_window_periodic = new("bartlett_window.periodic"),
        blackman_window_periodic = new("blackman_window.periodic"), kaiser_window_beta = new("kaiser_window.beta"),
        dequantize = new("dequantize.self"), int_repr = new("int_repr"), q_scale = new("q_scale"), q_zero_point = new("q_zero_point"), q_per_channel_scales = new("q_per_channel_scales"), q_per_channel_zero_points = new("q_per_channel_zero_points"),
        q_per_channel_axis = new("q_per_channel_axis"), quantize_per_tensor = new("quantize_per_tensor"), quantize_per_channel = new("quantize_per_channel"), stft = new("stft"), lu_unpack = new("lu_unpack"), slogdet = new("slogdet"),
        atleast_1d = new("atleast_1d"), atleast_2d = new("atleast_2d"), atleast_3d = new("atleast_3d"), rot90 = new("rot90"), hsplit_int = new("hsplit.int"), hsplit_array = new("hsplit.array"),
        vsplit_int = new("vsplit.int"), vsplit_array = new("vsplit.array"), dsplit_int = new("dsplit.int"), dsplit_array = new("dsplit.array"), _lu_with_info = new("_lu_with_info"), result_type_Tensor = new("result_type.Tensor"), promote_types = new("promote_types"), can_cast = new("can_cast");
}
