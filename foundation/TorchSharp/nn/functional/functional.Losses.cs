namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public enum Reduction : long
        {
            None = 0,
            Mean = 1,
            Sum = 2,
        }

        public static partial class functional
        {
            public static Tensor cross_entropy(Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100L, Reduction reduction = Reduction.Mean, double label_smoothing = 0) =>
                Ops.cross_entropy_loss.T(input, target, weight, (long)reduction, ignore_index, label_smoothing);
            public static Tensor nll_loss(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) => Ops.nll_loss_nd.T(input, target, weight, (long)reduction);
            public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Ops.mse_loss.T(input, target, (long)reduction);
            public static Tensor l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Ops.l1_loss.T(input, target, (long)reduction);
            public static Tensor smooth_l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean, double beta = 1) => Ops.smooth_l1_loss.T(input, target, (long)reduction, beta);
            public static Tensor huber_loss(Tensor input, Tensor target, double delta = 1, Reduction reduction = Reduction.Mean) => Ops.huber_loss.T(input, target, (long)reduction, delta);
            public static Tensor binary_cross_entropy(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) => Ops.binary_cross_entropy.T(input, target, weight, (long)reduction);
            public static Tensor binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? pos_weights = null) =>
                Ops.binary_cross_entropy_with_logits.T(input, target, weight, pos_weights, (long)reduction);
            public static Tensor kl_div(Tensor input, Tensor target, bool log_target = true, Reduction reduction = Reduction.Mean) => Ops.kl_div.T(input, target, (long)reduction, log_target);
            public static Tensor cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, double margin = 0, Reduction reduction = Reduction.Mean) =>
                Ops.cosine_embedding_loss.T(input1, input2, target, margin, (long)reduction);
            public static Tensor hinge_embedding_loss(Tensor input, Tensor target, double margin = 0, Reduction reduction = Reduction.Mean) => Ops.hinge_embedding_loss.T(input, target, margin, (long)reduction);
            public static Tensor margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, double margin = 0, Reduction reduction = Reduction.Mean) =>
                Ops.margin_ranking_loss.T(input1, input2, target, margin, (long)reduction);
            public static Tensor soft_margin_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Ops.soft_margin_loss.T(input, target, (long)reduction);
            public static Tensor multi_label_margin_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Ops.multilabel_margin_loss.T(input, target, (long)reduction);
            public static Tensor multi_margin_loss(Tensor input, Tensor target, int p = 1, double margin = 1, Tensor? weight = null, Reduction reduction = Reduction.Mean) =>
                Ops.multi_margin_loss.T(input, target, p, margin, weight, (long)reduction);
            public static Tensor triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, double margin = 1, long p = 2L, double eps = 1e-06, bool swap = false, Reduction reduction = Reduction.Mean) =>
                Ops.triplet_margin_loss.T(anchor, positive, negative, margin, (double)p, eps, swap, (long)reduction);
            public static Tensor ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, long blank = 0L, bool zero_infinity = false, Reduction reduction = Reduction.Mean) =>
                Ops.ctc_loss_Tensor.T(log_probs, targets, input_lengths, target_lengths, blank, (long)reduction, zero_infinity);

            public static Tensor multilabel_soft_margin_loss(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean)
            {
                using var scope = NewDisposeScope();
                var loss = target.mul(input.log_sigmoid()).add(target.neg().add(1).mul(input.neg().log_sigmoid())).neg();
                if (weight is not null) loss = loss.mul(weight);
                return Reduced(loss.mean([input.dim() - 1]), reduction).MoveToOuterDisposeScope();
            }

            public static Tensor gaussian_nll_loss(Tensor input, Tensor target, Tensor variance, bool full = false, float eps = 1e-06f, Reduction reduction = Reduction.Mean)
            {
                using var scope = NewDisposeScope();
                if (!variance.shape.AsSpan().SequenceEqual(input.shape))
                {
                    if (variance.dim() == input.dim() - 1 && variance.shape.AsSpan().SequenceEqual(input.shape.AsSpan()[..^1])) variance = variance.unsqueeze(-1);
                    else if (variance.dim() != input.dim() || variance.size(-1) != 1) throw new ArgumentException("variance has another shape than input", nameof(variance));
                }
                if (variance.lt(0).any().ToBoolean()) throw new ArgumentException("variance has negative entry/entries", nameof(variance));
                // The floor takes no part in the gradient of the variance.
                var below = variance.clone();
                using (no_grad()) below.clamp_min_(eps);
                var loss = below.log().add(input.sub(target).square().div(below)).mul(0.5);
                if (full) loss = loss.add(0.5 * Math.Log(2 * Math.PI));
                return Reduced(loss, reduction).MoveToOuterDisposeScope();
            }

            private static Tensor Reduced(Tensor loss, Reduction reduction) => reduction switch
            {
                Reduction.Mean => loss.mean(),
                Reduction.Sum => loss.sum(),
                _ => loss,
            };

            public static Tensor poisson_nll_loss(Tensor input, Tensor target, bool log_input = true, bool full = false, float eps = 1e-08f, Reduction reduction = Reduction.Mean) =>
                Ops.poisson_nll_loss.T(input, target, log_input, full, eps, (long)reduction);
        }
    }
}
