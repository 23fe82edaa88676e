namespace TorchSharp;

// Functions of each element.
internal static partial class Ops
{
    internal static readonly Op
        abs = new("abs"), abs_ = new("abs_"), absolute = new("absolute"), absolute_ = new("absolute_"), acos = new("acos"),
        acos_ = new("acos_"), acosh = new("acosh"), acosh_ = new("acosh_"), angle = new("angle"), arccos = new("arccos"),
        arccos_ = new("arccos_"), arccosh = new("arccosh"), arccosh_ = new("arccosh_"), arcsin = new("arcsin"), arcsin_ = new("arcsin_"),
        arcsinh = new("arcsinh"), arcsinh_ = new("arcsinh_"), arctan = new("arctan"), arctan_ = new("arctan_"), arctanh = new("arctanh"),
        arctanh_ = new("arctanh_"), asin = new("asin"), asin_ = new("asin_"), asinh = new("asinh"), asinh_ = new("asinh_"),
        atan = new("atan"), atan_ = new("atan_"), atanh = new("atanh"), atanh_ = new("atanh_"), bitwise_not = new("bitwise_not"),
        bitwise_not_ = new("bitwise_not_"), ceil = new("ceil"), ceil_ = new("ceil_"), conj = new("conj"),
        conj_physical = new("conj_physical"), conj_physical_ = new("conj_physical_"), cos = new("cos"), cos_ = new("cos_"),
        cosh = new("cosh"), cosh_ = new("cosh_"), deg2rad = new("deg2rad"), deg2rad_ = new("deg2rad_"), digamma = new("digamma"),
        digamma_ = new("digamma_"), erf = new("erf"), erf_ = new("erf_"), erfc = new("erfc"), erfc_ = new("erfc_"),
        erfinv = new("erfinv"), erfinv_ = new("erfinv_"), exp = new("exp"), exp2 = new("exp2"), exp2_ = new("exp2_"), exp_ = new("exp_"),
        expm1 = new("expm1"), expm1_ = new("expm1_"), fix = new("fix"), fix_ = new("fix_"), floor = new("floor"), floor_ = new("floor_"),
        frac = new("frac"), frac_ = new("frac_"), frexp_Tensor = new("frexp.Tensor"), i0 = new("i0"), i0_ = new("i0_"),
        lgamma = new("lgamma"), lgamma_ = new("lgamma_"), log = new("log"), log10 = new("log10"), log10_ = new("log10_"),
        log1p = new("log1p"), log1p_ = new("log1p_"), log2 = new("log2"), log2_ = new("log2_"), log_ = new("log_"), logit = new("logit"),
        logit_ = new("logit_"), mvlgamma = new("mvlgamma"), mvlgamma_ = new("mvlgamma_"), nan_to_num = new("nan_to_num"),
        nan_to_num_ = new("nan_to_num_"), neg = new("neg"), neg_ = new("neg_"), negative = new("negative"), positive = new("positive"),
        rad2deg = new("rad2deg"), rad2deg_ = new("rad2deg_"), reciprocal = new("reciprocal"), reciprocal_ = new("reciprocal_"),
        resolve_conj = new("resolve_conj"), resolve_neg = new("resolve_neg"), round_decimals = new("round.decimals"),
        round__decimals = new("round_.decimals"), rsqrt = new("rsqrt"), rsqrt_ = new("rsqrt_"), sgn = new("sgn"), sgn_ = new("sgn_"),
        sigmoid = new("sigmoid"), sigmoid_ = new("sigmoid_"), sign = new("sign"), sign_ = new("sign_"), signbit = new("signbit"),
        sin = new("sin"), sin_ = new("sin_"), sinc = new("sinc"), sinc_ = new("sinc_"), sinh = new("sinh"), sinh_ = new("sinh_"),
        sqrt = new("sqrt"), sqrt_ = new("sqrt_"), square = new("square"), tan = new("tan"), tan_ = new("tan_"), tanh = new("tanh"),
        tanh_ = new("tanh_"), trunc = new("trunc"), trunc_ = new("trunc_"), view_as_complex = new("view_as_complex"),
        view_as_real = new("view_as_real"), imag = new("imag"), negative_ = new("negative_"), real = new("real");
}
