using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        public sealed class CTCLoss : Loss<Tensor, Tensor, Tensor, Tensor, Tensor>
        {
            public CTCLoss(long blank = 0L, bool zero_infinity = false, nn.Reduction reduction = nn.Reduction.Mean) : base(reduction) => (this.blank, this.zero_infinity) = (blank, zero_infinity);
            public long blank { get; }
            public bool zero_infinity { get; }
            public override Tensor forward(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths) =>
                nn.functional.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, zero_infinity, reduction);
        }

        public sealed class PoissonNLLLoss : Loss<Tensor, Tensor, Tensor>
        {
            public PoissonNLLLoss(bool log_input = true, bool full = false, float eps = 1e-08f, nn.Reduction reduction = nn.Reduction.Mean) : base(reduction) =>
                (this.log_input, this.full, this.eps) = (log_input, full, eps);
            public bool log_input { get; }
            public bool full { get; }
            public float eps { get; }
            public override Tensor forward(Tensor input, Tensor target) => nn.functional.poisson_nll_loss(input, target, log_input, full, eps, reduction);
        }

        public sealed class GaussianNLLLoss : Loss<Tensor, Tensor, Tensor, Tensor>
        {
            public GaussianNLLLoss(bool full = false, float eps = 1e-08f, nn.Reduction reduction = nn.Reduction.Mean) : base(reduction) => (this.full, this.eps) = (full, eps);
            public bool full { get; }
            public float eps { get; }
            public override Tensor forward(Tensor input, Tensor target, Tensor variance) => nn.functional.gaussian_nll_loss(input, target, variance, full, eps, reduction);
        }

        public sealed class MultiLabelMarginLoss : Loss<Tensor, Tensor, Tensor>
        {
            public MultiLabelMarginLoss(nn.Reduction reduction = nn.Reduction.Mean) : base(reduction) { }
            public override Tensor forward(Tensor input, Tensor target) => nn.functional.multi_label_margin_loss(input, target, reduction);
        }

        public sealed class MultiLabelSoftMarginLoss : WeightedLoss<Tensor, Tensor, Tensor>
        {
            public MultiLabelSoftMarginLoss(Tensor? weight = null, nn.Reduction reduction = nn.Reduction.Mean) : base(weight, reduction) { }
            public override Tensor forward(Tensor input, Tensor target) => nn.functional.multilabel_soft_margin_loss(input, target, weight, reduction);
        }

        public sealed class MultiMarginLoss : WeightedLoss<Tensor, Tensor, Tensor>
        {
            public MultiMarginLoss(int p = 1, double margin = 1, Tensor? weight = null, nn.Reduction reduction = nn.Reduction.Mean) : base(weight, reduction) => (this.p, this.margin) = (p, margin);
            public int p { get; }
            public double margin { get; }
            public override Tensor forward(Tensor input, Tensor target) => nn.functional.multi_margin_loss(input, target, p, margin, weight, reduction);
        }

        public sealed class TripletMarginLoss : Loss<Tensor, Tensor, Tensor, Tensor>
        {
            private readonly double eps;
            private readonly bool swap;

            public TripletMarginLoss(double margin = 1, long p = 2L, double eps = 1e-06, bool swap = false, nn.Reduction reduction = nn.Reduction.Mean) : base(reduction) =>
                (this.margin, this.p, this.eps, this.swap) = (margin, p, eps, swap);
            public double margin { get; }
            public long p { get; }
            public override Tensor forward(Tensor anchor, Tensor positive, Tensor negative) => nn.functional.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static CTCLoss CTCLoss(long blank = 0L, bool zero_infinity = false, Reduction reduction = Reduction.Mean) => new(blank, zero_infinity, reduction);
            public static PoissonNLLLoss PoissonNLLLoss(bool log_input = true, bool full = false, float eps = 1e-08f, Reduction reduction = Reduction.Mean) => new(log_input, full, eps, reduction);
            public static GaussianNLLLoss GaussianNLLLoss(bool full = false, float eps = 1e-08f, Reduction reduction = Reduction.Mean) => new(full, eps, reduction);
            public static MultiLabelMarginLoss MultiLabelMarginLoss(Reduction reduction = Reduction.Mean) => new(reduction);
            public static MultiLabelSoftMarginLoss MultiLabelSoftMarginLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean) => new(weight, reduction);
            public static MultiMarginLoss MultiMarginLoss(int p = 1, double margin = 1, Tensor? weight = null, Reduction reduction = Reduction.Mean) => new(p, margin, weight, reduction);
            public static TripletMarginLoss TripletMarginLoss(double margin = 1, long p = 2L, double eps = 1e-06, bool swap = false, Reduction reduction = Reduction.Mean) => new(margin, p, eps, swap, reduction);
        }
    }
}
