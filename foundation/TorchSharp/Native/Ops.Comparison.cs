namespace TorchSharp;

// Comparisons and tests, element by element.
internal static partial class Ops
{
    internal static readonly Op
        eq_Scalar = new("eq.Scalar"), eq_Tensor = new("eq.Tensor"), eq__Scalar = new("eq_.Scalar"), eq__Tensor = new("eq_.Tensor"),
        ge_Scalar = new("ge.Scalar"), ge_Tensor = new("ge.Tensor"), ge__Scalar = new("ge_.Scalar"), ge__Tensor = new("ge_.Tensor"),
        greater_Tensor = new("greater.Tensor"), greater_equal_Tensor = new("greater_equal.Tensor"), gt_Scalar = new("gt.Scalar"),
        gt_Tensor = new("gt.Tensor"), gt__Scalar = new("gt_.Scalar"), gt__Tensor = new("gt_.Tensor"), isclose = new("isclose"),
        isfinite = new("isfinite"), isinf = new("isinf"), isnan = new("isnan"), isneginf = new("isneginf"), isposinf = new("isposinf"),
        isreal = new("isreal"), le_Scalar = new("le.Scalar"), le_Tensor = new("le.Tensor"), le__Scalar = new("le_.Scalar"),
        le__Tensor = new("le_.Tensor"), less_Tensor = new("less.Tensor"), less_equal_Tensor = new("less_equal.Tensor"),
        less_equal__Tensor = new("less_equal_.Tensor"), logical_and = new("logical_and"), logical_and_ = new("logical_and_"),
        logical_not = new("logical_not"), logical_or = new("logical_or"), logical_or_ = new("logical_or_"),
        logical_xor = new("logical_xor"), logical_xor_ = new("logical_xor_"), lt_Scalar = new("lt.Scalar"), lt_Tensor = new("lt.Tensor"),
        lt__Scalar = new("lt_.Scalar"), lt__Tensor = new("lt_.Tensor"), ne_Scalar = new("ne.Scalar"), ne_Tensor = new("ne.Tensor"),
        ne__Scalar = new("ne_.Scalar"), ne__Tensor = new("ne_.Tensor"), not_equal_Tensor = new("not_equal.Tensor"),
        not_equal__Tensor = new("not_equal_.Tensor");
}
