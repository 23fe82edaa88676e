namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Filling parameters at the start of training.</summary>
        public static class init
        {
            public enum FanInOut
            {
                FanIn = 0,
                FanOut = 1,
            }

            public enum NonlinearityType
            {
                Linear = 0,
                Conv1D = 1,
                Conv2D = 2,
                Conv3D = 3,
                ConvTranspose1D = 4,
                ConvTranspose2D = 5,
                ConvTranspose3D = 6,
                Sigmoid = 7,
                Tanh = 8,
                ReLU = 9,
                LeakyReLU = 10,
            }

            private static Tensor Fill(Tensor tensor, Func<Tensor, Tensor> fill)
            {
                using (no_grad()) fill(tensor);
                return tensor.alias();
            }

            public static double calculate_gain(NonlinearityType nonlinearity, double param = 0) => nonlinearity switch
            {
                NonlinearityType.Tanh => 5.0 / 3.0,
                NonlinearityType.ReLU => Math.Sqrt(2),
                NonlinearityType.LeakyReLU => Math.Sqrt(2 / (1 + param * param)),
                _ => 1,
            };

            public static (long fanIn, long fanOut) CalculateFanInAndFanOut(Tensor tensor)
            {
                var shape = tensor.shape;
                if (shape.Length < 2) throw new ArgumentException("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions", nameof(tensor));
                long field = 1;
                foreach (long s in shape.AsSpan(2)) field *= s;
                return (shape[1] * field, shape[0] * field);
            }

            public static Tensor uniform_(Tensor tensor, double low = 0, double high = 1, Generator? generator = null) => Fill(tensor, t => t.uniform_(low, high, generator));
            public static Tensor normal_(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) => Fill(tensor, t => t.normal_(mean, std, generator));
            public static Tensor constant_(Tensor tensor, Scalar val) => Fill(tensor, t => t.fill_(val));
            public static Tensor ones_(Tensor tensor) => Fill(tensor, t => t.fill_(1));
            public static Tensor zeros_(Tensor tensor) => Fill(tensor, t => t.zero_());

            public static Tensor eye_(Tensor tensor)
            {
                if (tensor.dim() != 2) throw new ArgumentException("Only tensors with 2 dimensions are supported", nameof(tensor));
                return Fill(tensor, t =>
                {
                    using var e = eye(t.size(0), t.size(1), t.dtype, t.device);
                    return t.copy_(e);
                });
            }

            public static Tensor dirac_(Tensor tensor)
            {
                long dims = tensor.dim();
                if (dims is < 3 or > 5) throw new ArgumentException("Only tensors with 3, 4, or 5 dimensions are supported", nameof(tensor));
                return Fill(tensor, t =>
                {
                    t.zero_();
                    var shape = t.shape;
                    var at = new long[shape.Length];
                    for (int d = 2; d < at.Length; d++) at[d] = shape[d] / 2;
                    using var one = ones([], t.dtype, t.device);
                    for (long k = 0; k < Math.Min(shape[0], shape[1]); k++)
                    {
                        at[0] = at[1] = k;
                        t[at] = one;
                    }
                    return t;
                });
            }

            public static Tensor xavier_uniform_(Tensor tensor, double gain = 1)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                double bound = gain * Math.Sqrt(6.0 / (fanIn + fanOut));
                return uniform_(tensor, -bound, bound);
            }

            public static Tensor xavier_normal_(Tensor tensor, double gain = 1)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                return normal_(tensor, 0, gain * Math.Sqrt(2.0 / (fanIn + fanOut)));
            }

            public static Tensor glorot_uniform_(Tensor tensor, double gain = 1) => xavier_uniform_(tensor, gain);
            public static Tensor glorot_normal_(Tensor tensor, double gain = 1) => xavier_normal_(tensor, gain);

            private static double KaimingStd(Tensor tensor, double a, FanInOut mode, NonlinearityType nonlinearity)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                return calculate_gain(nonlinearity, a) / Math.Sqrt(mode == FanInOut.FanIn ? fanIn : fanOut);
            }

            public static Tensor kaiming_uniform_(Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn, NonlinearityType nonlinearity = NonlinearityType.LeakyReLU)
            {
                if (tensor.numel() == 0) return tensor.alias();
                double bound = Math.Sqrt(3) * KaimingStd(tensor, a, mode, nonlinearity);
                return uniform_(tensor, -bound, bound);
            }

            public static Tensor kaiming_normal_(Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn, NonlinearityType nonlinearity = NonlinearityType.LeakyReLU) =>
                tensor.numel() == 0 ? tensor.alias() : normal_(tensor, 0, KaimingStd(tensor, a, mode, nonlinearity));

            // The inverse distribution function, as in PyTorch: same numbers for the same seed.
            public static Tensor trunc_normal_(Tensor tensor, double mean = 0, double std = 1, double a = -2, double b = 2, Generator? generator = null)
            {
                static double Below(double x) => (1 + Erf(x / Math.Sqrt(2))) / 2;
                double low = Below((a - mean) / std), high = Below((b - mean) / std);
                return Fill(tensor, t => t.uniform_(2 * low - 1, 2 * high - 1, generator).erfinv_().mul_(std * Math.Sqrt(2)).add_(mean).clamp_((Scalar)a, (Scalar)b));
            }

            private static double Erf(double x)
            {
                using var t = tensor(x, ScalarType.Float64);
                using var e = t.erf();
                return e.item<double>();
            }

            public static Tensor orthogonal_(Tensor tensor, double gain = 1)
            {
                if (tensor.dim() < 2) throw new ArgumentException("Only tensors with 2 or more dimensions are supported", nameof(tensor));
                return Fill(tensor, t =>
                {
                    if (t.numel() == 0) return t;
                    using var scope = NewDisposeScope();
                    long rows = t.size(0), columns = t.numel() / rows;
                    var flat = randn(rows, columns, t.dtype, t.device);
                    if (rows < columns) flat = flat.t();
                    var (q, r) = Ops.linalg_qr.Call(flat, "reduced").T2;
                    q = q.mul(r.diag(0).sign());
                    if (rows < columns) q = q.t();
                    t.view_as(q).copy_(q).mul_(gain);
                    return t;
                });
            }

            public static Tensor sparse_(Tensor tensor, double sparsity, double std = 0.01)
            {
                if (tensor.dim() != 2) throw new ArgumentException("Only tensors with 2 dimensions are supported", nameof(tensor));
                long rows = tensor.size(0), zeros = (long)Math.Ceiling(sparsity * rows);
                return Fill(tensor, t =>
                {
                    t.normal_(0, std);
                    for (long c = 0; c < t.size(1); c++)
                    {
                        using var scope = NewDisposeScope();
                        var hit = randperm(rows, device: t.device).narrow(0, 0, zeros);
                        t.select(1, c).index_fill_(0, hit, 0);
                    }
                    return t;
                });
            }
        }
    }
}
