namespace TorchSharp;

// Arithmetic of two operands, with broadcasting.
internal static partial class Ops
{
    internal static readonly Op
        addcdiv = new("addcdiv"), addcdiv_ = new("addcdiv_"), addcmul = new("addcmul"), addcmul_ = new("addcmul_"),
        arctan2 = new("arctan2"), arctan2_ = new("arctan2_"), atan2 = new("atan2"), atan2_ = new("atan2_"),
        bitwise_and_Tensor = new("bitwise_and.Tensor"), bitwise_and__Tensor = new("bitwise_and_.Tensor"),
        bitwise_left_shift_Tensor = new("bitwise_left_shift.Tensor"), bitwise_left_shift__Tensor = new("bitwise_left_shift_.Tensor"),
        bitwise_or_Tensor = new("bitwise_or.Tensor"), bitwise_or__Tensor = new("bitwise_or_.Tensor"),
        bitwise_right_shift_Tensor = new("bitwise_right_shift.Tensor"), bitwise_right_shift__Tensor = new("bitwise_right_shift_.Tensor"),
        bitwise_xor_Tensor = new("bitwise_xor.Tensor"), bitwise_xor__Tensor = new("bitwise_xor_.Tensor"), clamp = new("clamp"),
        clamp_Tensor = new("clamp.Tensor"), clamp_ = new("clamp_"), clamp__Tensor = new("clamp_.Tensor"), clamp_max = new("clamp_max"),
        clamp_max_ = new("clamp_max_"), clamp_min = new("clamp_min"), clamp_min_ = new("clamp_min_"), clip = new("clip"),
        copysign_Tensor = new("copysign.Tensor"), copysign__Tensor = new("copysign_.Tensor"), fill__Scalar = new("fill_.Scalar"),
        float_power_Tensor_Tensor = new("float_power.Tensor_Tensor"), float_power__Tensor = new("float_power_.Tensor"),
        floor_divide_Scalar = new("floor_divide.Scalar"), floor_divide = new("floor_divide"),
        floor_divide__Scalar = new("floor_divide_.Scalar"), floor_divide__Tensor = new("floor_divide_.Tensor"), fmax = new("fmax"),
        fmin = new("fmin"), fmod_Scalar = new("fmod.Scalar"), fmod_Tensor = new("fmod.Tensor"), fmod__Scalar = new("fmod_.Scalar"),
        fmod__Tensor = new("fmod_.Tensor"), gcd = new("gcd"), gcd_ = new("gcd_"), heaviside = new("heaviside"),
        heaviside_ = new("heaviside_"), hypot = new("hypot"), igamma = new("igamma"), igammac = new("igammac"), lcm = new("lcm"),
        lcm_ = new("lcm_"), ldexp_Tensor = new("ldexp.Tensor"), ldexp_ = new("ldexp_"), lerp_Tensor = new("lerp.Tensor"),
        logaddexp = new("logaddexp"), logaddexp2 = new("logaddexp2"), max = new("max"), max_other = new("max.other"),
        max_dim = new("max.dim"), maximum = new("maximum"), min = new("min"), min_other = new("min.other"), min_dim = new("min.dim"),
        minimum = new("minimum"), nextafter = new("nextafter"), nextafter_ = new("nextafter_"),
        pow_Tensor_Scalar = new("pow.Tensor_Scalar"), pow_Tensor_Tensor = new("pow.Tensor_Tensor"), pow__Scalar = new("pow_.Scalar"),
        pow__Tensor = new("pow_.Tensor"), remainder_Scalar = new("remainder.Scalar"), remainder_Tensor = new("remainder.Tensor"),
        remainder__Scalar = new("remainder_.Scalar"), remainder__Tensor = new("remainder_.Tensor"),
        true_divide_Scalar = new("true_divide.Scalar"), true_divide_Tensor = new("true_divide.Tensor"),
        true_divide__Scalar = new("true_divide_.Scalar"), true_divide__Tensor = new("true_divide_.Tensor"),
        xlogy_Scalar_Other = new("xlogy.Scalar_Other"), xlogy_Tensor = new("xlogy.Tensor"), zero_ = new("zero_"),
        complex = new("complex"), polar = new("polar");
}
