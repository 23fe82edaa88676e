namespace TorchSharp;

public static partial class torch
{
    // The operators that programs spend their calls on: straight calls instead of the boxed one.
    public unsafe partial class Tensor
    {
        public Tensor add(Tensor target)
        {
            nint made;
            int status = Native.peft_add(Handle, target.Handle, 1, &made);
            GC.KeepAlive(this);
            GC.KeepAlive(target);
            return Native.Made(status, made);
        }

        public Tensor add(Tensor target, Scalar alpha) => Ops.add_Tensor.T(this, target, alpha);
        public Tensor add(Scalar scalar) => Ops.add_Scalar.T(this, scalar);
        public Tensor add(Scalar scalar, Scalar alpha) => Ops.add_Scalar.T(this, scalar, alpha);

        public Tensor add_(Tensor target)
        {
            int status = Native.peft_add_(Handle, target.Handle);
            GC.KeepAlive(this);
            GC.KeepAlive(target);
            Native.Check(status);
            return this;
        }

        public Tensor add_(Tensor target, Scalar alpha) => Ops.add__Tensor.Do(this, target, alpha);
        public Tensor add_(Scalar scalar) => Ops.add__Scalar.Do(this, scalar);
        public Tensor add_(Scalar scalar, Scalar alpha) => Ops.add__Scalar.Do(this, scalar, alpha);

        public Tensor sub(Tensor target)
        {
            nint made;
            int status = Native.peft_sub(Handle, target.Handle, &made);
            GC.KeepAlive(this);
            GC.KeepAlive(target);
            return Native.Made(status, made);
        }

        public Tensor sub(Scalar target) => Ops.sub_Scalar.T(this, target);
        public Tensor sub_(Tensor target) => Ops.sub__Tensor.Do(this, target);
        public Tensor sub_(Scalar target) => Ops.sub__Scalar.Do(this, target);
        public Tensor subtract(Tensor target) => sub(target);
        public Tensor subtract(Scalar target) => sub(target);
        public Tensor subtract_(Tensor target) => sub_(target);
        public Tensor subtract_(Scalar target) => sub_(target);

        public Tensor mul(Tensor target)
        {
            nint made;
            int status = Native.peft_mul(Handle, target.Handle, &made);
            GC.KeepAlive(this);
            GC.KeepAlive(target);
            return Native.Made(status, made);
        }

        internal Tensor mul(double target)
        {
            nint made;
            int status = Native.peft_mul_scalar(Handle, target, &made);
            GC.KeepAlive(this);
            return Native.Made(status, made);
        }

        public Tensor mul(Scalar target) => Ops.mul_Scalar.T(this, target);
        public Tensor mul_(Tensor target) => Ops.mul__Tensor.Do(this, target);
        public Tensor mul_(Scalar target) => Ops.mul__Scalar.Do(this, target);
        public Tensor multiply(Tensor target) => mul(target);
        public Tensor multiply(Scalar target) => mul(target);

        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None)
        {
            if (rounding_mode != RoundingMode.None) return Ops.div_Tensor_mode.T(this, target, rounding_mode.ToString());
            nint made;
            int status = Native.peft_div(Handle, target.Handle, &made);
            GC.KeepAlive(this);
            GC.KeepAlive(target);
            return Native.Made(status, made);
        }

        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Ops.div_Scalar.T(this, target) : Ops.div_Scalar_mode.T(this, target, rounding_mode.ToString());
        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Ops.div__Tensor.Do(this, target) : Ops.div__Tensor_mode.Do(this, target, rounding_mode.ToString());
        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Ops.div__Scalar.Do(this, target) : Ops.div__Scalar_mode.Do(this, target, rounding_mode.ToString());
        public Tensor divide(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => div(target, rounding_mode);
        public Tensor divide(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => div(target, rounding_mode);
        public Tensor divide_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => div_(target, rounding_mode);
        public Tensor divide_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => div_(target, rounding_mode);

        public Tensor matmul(Tensor target)
        {
            nint made;
            int status = Native.peft_matmul(Handle, target.Handle, &made);
            GC.KeepAlive(this);
            GC.KeepAlive(target);
            return Native.Made(status, made);
        }

        public Tensor reshape(params long[] shape)
        {
            nint made;
            int status;
            fixed (long* p = shape) status = Native.peft_reshape(Handle, p, shape.Length, &made);
            GC.KeepAlive(this);
            return Native.Made(status, made);
        }

        public Tensor transpose(long dim0, long dim1)
        {
            nint made;
            int status = Native.peft_transpose(Handle, dim0, dim1, &made);
            GC.KeepAlive(this);
            return Native.Made(status, made);
        }

        public Tensor transpose_(long dim0, long dim1) => Ops.transpose_.Do(this, dim0, dim1);

        public Tensor select(long dim, long index)
        {
            nint made;
            int status = Native.peft_select(Handle, dim, index, &made);
            GC.KeepAlive(this);
            return Native.Made(status, made);
        }

        public Tensor slice(long dim, long start, long finish, long step)
        {
            nint made;
            int status = Native.peft_slice(Handle, dim, start, finish, step, &made);
            GC.KeepAlive(this);
            return Native.Made(status, made);
        }

        public Tensor alias()
        {
            nint made;
            int status = Native.peft_alias(Handle, &made);
            GC.KeepAlive(this);
            return Native.Made(status, made);
        }
    }

    public static Tensor add(Tensor left, Tensor right) => left.add(right);
    public static Tensor add(Tensor left, Scalar right) => left.add(right);
    public static Tensor add(Tensor left, Tensor right, Scalar alpha) => left.add(right, alpha);
    public static Tensor add(Tensor left, Scalar right, Scalar alpha) => left.add(right, alpha);
    public static Tensor add_(Tensor left, Tensor right) => left.add_(right);
    public static Tensor add_(Tensor left, Scalar right) => left.add_(right);
    public static Tensor add_(Tensor left, Tensor right, Scalar alpha) => left.add_(right, alpha);
    public static Tensor add_(Tensor left, Scalar right, Scalar alpha) => left.add_(right, alpha);
    public static Tensor sub(Tensor left, Tensor right) => left.sub(right);
    public static Tensor sub(Tensor left, Scalar right) => left.sub(right);
    public static Tensor sub_(Tensor left, Tensor right) => left.sub_(right);
    public static Tensor sub_(Tensor left, Scalar right) => left.sub_(right);
    public static Tensor subtract(Tensor left, Tensor right) => left.sub(right);
    public static Tensor subtract(Tensor left, Scalar right) => left.sub(right);
    public static Tensor subtract_(Tensor left, Tensor right) => left.sub_(right);
    public static Tensor subtract_(Tensor left, Scalar right) => left.sub_(right);
    public static Tensor mul(Tensor left, Tensor right) => left.mul(right);
    public static Tensor mul(Tensor left, Scalar right) => left.mul(right);
    public static Tensor mul_(Tensor left, Tensor right) => left.mul_(right);
    public static Tensor mul_(Tensor left, Scalar right) => left.mul_(right);
    public static Tensor multiply(Tensor left, Tensor right) => left.mul(right);
    public static Tensor multiply(Tensor left, Scalar right) => left.mul(right);
    public static Tensor multiply_(Tensor left, Tensor right) => left.mul_(right);
    public static Tensor multiply_(Tensor left, Scalar right) => left.mul_(right);
    public static Tensor div(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    public static Tensor div(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    public static Tensor div_(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div_(right, rounding_mode);
    public static Tensor div_(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div_(right, rounding_mode);
    public static Tensor divide(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    public static Tensor divide(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    public static Tensor divide_(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div_(right, rounding_mode);
    public static Tensor divide_(Tensor left, Scalar right) => left.div_(right);
    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);
    public static Tensor reshape(Tensor input, params long[] shape) => input.reshape(shape);
    public static Tensor transpose(Tensor input, long dim0, long dim1) => input.transpose(dim0, dim1);
    public static Tensor select(Tensor input, long dim, long index) => input.select(dim, index);
}
