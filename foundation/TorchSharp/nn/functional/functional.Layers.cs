namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static unsafe partial class functional
        {
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null)
            {
                nint made;
                int status = Native.peft_linear(input.Handle, weights.Handle, bias is null ? 0 : bias.Handle, &made);
                GC.KeepAlive(input);
                GC.KeepAlive(weights);
                GC.KeepAlive(bias);
                return Native.Made(status, made);
            }

            public static Tensor bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias = null) => Ops.bilinear.T(input1, input2, weight, bias);

            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) =>
                Ops.layer_norm.T(input, normalized_shape, weight, bias, eps);
            public static Tensor group_norm(Tensor input, long num_groups, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) =>
                Ops.group_norm.T(input, num_groups, weight, bias, eps);
            public static Tensor batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight = null, Tensor? bias = null, bool training = false, double momentum = 0.1, double eps = 1e-05) =>
                Ops.batch_norm.T(input, weight, bias, running_mean, running_var, training, momentum, eps, true);
            public static Tensor instance_norm(Tensor input, Tensor? running_mean = null, Tensor? running_var = null, Tensor? weight = null, Tensor? bias = null, bool use_input_stats = true, double momentum = 0.1, double eps = 1e-05) =>
                Ops.instance_norm.T(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, true);

            public static Tensor normalize(Tensor input, double p = 2, long dim = 1L, double eps = 1e-12)
            {
                using var scope = NewDisposeScope();
                var size = Ops.norm_ScalarOpt_dim.T(input, p, dim, true).clamp_min(eps);
                return input.div(size.expand_as(input)).MoveToOuterDisposeScope();
            }

            public static Tensor local_response_norm(Tensor input, long size, double alpha = 0.0001, double beta = 0.75, double k = 1)
            {
                if (input.dim() < 3) throw new ArgumentException($"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)", nameof(input));
                if (input.numel() == 0) return input.alias();
                using var scope = NewDisposeScope();
                // the mean of the squares over neighbouring channels, as a pooling over them
                var squares = input.square().unsqueeze(1).flatten(3).unsqueeze(4); // (batch, 1, channels, places, 1)
                squares = pad(squares, new[] { 0, 0, 0, 0, size / 2, (size - 1) / 2 });
                var mean = avg_pool3d(squares, [size, 1, 1], [1, 1, 1]).view(input.shape);
                return input.div(mean.mul(alpha).add(k).pow(beta)).MoveToOuterDisposeScope();
            }

            public static Tensor one_hot(Tensor x, long num_classes = -1L) => Ops.one_hot.T(x, num_classes);
            public static Tensor cosine_similarity(Tensor x1, Tensor x2, long dim = 1L, double eps = 1e-08) => Ops.cosine_similarity.T(x1, x2, dim, eps);
            public static Tensor pairwise_distance(Tensor input1, Tensor input2, double p = 2, double eps = 1e-06, bool keepdim = false) => Ops.pairwise_distance.T(input1, input2, p, eps, keepdim);

            public static Tensor scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0, bool is_casual = false)
            {
                if (is_casual && attn_mask is not null) throw new ArgumentException("Explicit attn_mask should not be set when is_casual is true.", nameof(attn_mask));
                return Ops.scaled_dot_product_attention.Exists
                    ? Ops.scaled_dot_product_attention.T(query, key, value, attn_mask, p, is_casual)
                    : Attention(query, key, value, attn_mask, p, is_casual);
            }

            // For libtorch before 2.0, which has no fused kernel: at most one score matrix is alive beside what autograd keeps.
            private static Tensor Attention(Tensor query, Tensor key, Tensor value, Tensor? mask, double p, bool causal)
            {
                using var scope = NewDisposeScope();
                long width = query.size(-1), l = query.size(-2), s = key.size(-2);
                var scores = query.mul(1 / Math.Sqrt(width)).matmul(key.transpose(-2, -1));
                if (causal)
                {
                    // bottom rows see the first columns: the diagonal starts at the top left, as in PyTorch
                    var hidden = ones(l, s, ScalarType.Bool, query.device).triu(1);
                    scores = scores.masked_fill_(hidden, double.NegativeInfinity);
                }
                else if (mask is not null)
                {
                    scores = mask.dtype == ScalarType.Bool ? scores.masked_fill(mask.logical_not(), double.NegativeInfinity) : scores.add(mask);
                }
                var weights = scores.softmax(-1);
                if (p > 0) weights = dropout(weights, p);
                return weights.matmul(value).MoveToOuterDisposeScope();
            }
        }
    }
}
