namespace TorchSharp;

public static partial class torch
{
    // Other operators.
    public partial class Tensor
    {
        public Tensor clone() => Ops.clone.T(this);
        public Tensor copy_(Tensor source, bool nonBlocking = false) => Ops.copy_.Do(this, source, nonBlocking);
        public Tensor istft(long n_fft, long hop_length = -1, long win_length = -1, Tensor? window = null, bool center = true, bool normalized = false, bool? onesided = null, long length = -1, bool return_complex = false) =>
            Ops.istft.T(this, n_fft, hop_length, win_length, window, center, normalized, onesided, length, return_complex);
        public Tensor to_dense() => Ops.to_dense.T(this);
    }
}
