namespace TorchSharp;

public static partial class torch
{
    // Comparisons and tests, element by element.
    public partial class Tensor
    {
        public Tensor eq(Scalar target) => Ops.eq_Scalar.T(this, target);
        public Tensor eq(Tensor target) => Ops.eq_Tensor.T(this, target);
        public Tensor eq_(Scalar target) => Ops.eq__Scalar.Do(this, target);
        public Tensor eq_(Tensor target) => Ops.eq__Tensor.Do(this, target);
        public Tensor ge(Scalar target) => Ops.ge_Scalar.T(this, target);
        public Tensor ge(Tensor target) => Ops.ge_Tensor.T(this, target);
        public Tensor ge_(Scalar target) => Ops.ge__Scalar.Do(this, target);
        public Tensor ge_(Tensor target) => Ops.ge__Tensor.Do(this, target);
        public Tensor greater(Tensor target) => Ops.greater_Tensor.T(this, target);
        public Tensor greater_equal(Tensor target) => Ops.greater_equal_Tensor.T(this, target);
        public Tensor gt(Scalar target) => Ops.gt_Scalar.T(this, target);
        public Tensor gt(Tensor target) => Ops.gt_Tensor.T(this, target);
        public Tensor gt_(Scalar target) => Ops.gt__Scalar.Do(this, target);
        public Tensor gt_(Tensor target) => Ops.gt__Tensor.Do(this, target);
        public Tensor isclose(Tensor other, double rtol = 1e-05, double atol = 1e-08, bool nanEqual = false) =>
            Ops.isclose.T(this, other, rtol, atol, nanEqual);
        public Tensor isfinite() => Ops.isfinite.T(this);
        public Tensor isinf() => Ops.isinf.T(this);
        public Tensor isnan() => Ops.isnan.T(this);
        public Tensor isneginf() => Ops.isneginf.T(this);
        public Tensor isposinf() => Ops.isposinf.T(this);
        public Tensor isreal() => Ops.isreal.T(this);
        public Tensor le(Scalar target) => Ops.le_Scalar.T(this, target);
        public Tensor le(Tensor target) => Ops.le_Tensor.T(this, target);
        public Tensor le_(Scalar target) => Ops.le__Scalar.Do(this, target);
        public Tensor le_(Tensor target) => Ops.le__Tensor.Do(this, target);
        public Tensor less(Tensor target) => Ops.less_Tensor.T(this, target);
        public Tensor less_equal(Tensor target) => Ops.less_equal_Tensor.T(this, target);
        public Tensor less_equal_(Tensor target) => Ops.less_equal__Tensor.Do(this, target);
        public Tensor logical_and(Tensor other) => Ops.logical_and.T(this, other);
        public Tensor logical_and_(Tensor other) => Ops.logical_and_.Do(this, other);
        public Tensor logical_not() => Ops.logical_not.T(this);
        public Tensor logical_or(Tensor other) => Ops.logical_or.T(this, other);
        public Tensor logical_or_(Tensor other) => Ops.logical_or_.Do(this, other);
        public Tensor logical_xor(Tensor other) => Ops.logical_xor.T(this, other);
        public Tensor logical_xor_(Tensor other) => Ops.logical_xor_.Do(this, other);
        public Tensor lt(Scalar target) => Ops.lt_Scalar.T(this, target);
        public Tensor lt(Tensor target) => Ops.lt_Tensor.T(this, target);
        public Tensor lt_(Scalar target) => Ops.lt__Scalar.Do(this, target);
        public Tensor lt_(Tensor target) => Ops.lt__Tensor.Do(this, target);
        public Tensor ne(Scalar target) => Ops.ne_Scalar.T(this, target);
        public Tensor ne(Tensor target) => Ops.ne_Tensor.T(this, target);
        public Tensor ne_(Scalar target) => Ops.ne__Scalar.Do(this, target);
        public Tensor ne_(Tensor target) => Ops.ne__Tensor.Do(this, target);
        public Tensor not_equal(Tensor target) => Ops.not_equal_Tensor.T(this, target);
        public Tensor not_equal_(Tensor target) => Ops.not_equal__Tensor.Do(this, target);
    }
}
