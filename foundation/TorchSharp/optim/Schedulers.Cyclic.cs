namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static partial class lr_scheduler
        {
            public static partial class impl
            {
                /// <summary>The rate goes up and down between two bounds, over and over.</summary>
                public class CyclicLR : LRScheduler
                {
                    public enum Mode
                    {
                        Triangular = 0,
                        Triangular2 = 1,
                        ExpRange = 2,
                    }

                    public enum ScaleMode
                    {
                        Cycle = 0,
                        Iterations = 1,
                    }

                    private readonly double total, ratio;
                    private readonly Func<double, double> scale;
                    private readonly bool byCycle, cycleMomentum;
                    private readonly double[] highest, lowMomentum = [], highMomentum = [];

                    public CyclicLR(Optimizer optimizer, double base_lr, double max_lr, int step_size_up = 2000, int step_size_down = -1, Mode mode = Mode.Triangular, double gamma = 1, Func<double, double>? scale_fn = null,
                        ScaleMode scale_mode = ScaleMode.Cycle, bool cycle_momentum = true, double base_momentum = 0.8, double max_momentum = 0.9, int last_epoch = -1, bool verbose = false)
                        : this(optimizer, Each(optimizer, base_lr), Each(optimizer, max_lr), step_size_up, step_size_down, mode, gamma, scale_fn, scale_mode, cycle_momentum,
                            Each(optimizer, base_momentum), Each(optimizer, max_momentum), last_epoch, verbose)
                    { }

                    public CyclicLR(Optimizer optimizer, IEnumerable<double> base_lr, IEnumerable<double> max_lr, int step_size_up = 2000, int step_size_down = -1, Mode mode = Mode.Triangular, double gamma = 1,
                        Func<double, double>? scale_fn = null, ScaleMode scale_mode = ScaleMode.Cycle, bool cycle_momentum = true, IEnumerable<double>? base_momentum = null, IEnumerable<double>? max_momentum = null,
                        int last_epoch = -1, bool verbose = false) : base(optimizer, last_epoch, verbose)
                    {
                        if (step_size_up <= 0) throw new ArgumentException($"step_size_up is {step_size_up}; it must be above 0.", nameof(step_size_up));
                        int down = step_size_down > 0 ? step_size_down : step_size_up;
                        total = step_size_up + down;
                        ratio = step_size_up / total;
                        scale = scale_fn ?? mode switch
                        {
                            Mode.Triangular => _ => 1,
                            Mode.Triangular2 => x => 1 / Math.Pow(2, x - 1),
                            Mode.ExpRange => x => Math.Pow(gamma, x),
                            _ => throw new ArgumentException($"mode {mode} is unknown.", nameof(mode)),
                        };
                        byCycle = scale_fn is null ? mode != Mode.ExpRange : scale_mode == ScaleMode.Cycle;
                        highest = Of(max_lr, nameof(max_lr));
                        BaseRates = Of(base_lr, nameof(base_lr));
                        if (last_epoch == -1)
                            foreach (var (group, rate) in optimizer.ParamGroups.Zip(BaseRates)) (group.LearningRate, group.InitialLearningRate) = (rate, rate);
                        cycleMomentum = cycle_momentum;
                        if (cycle_momentum)
                        {
                            lowMomentum = Of(base_momentum ?? Each(optimizer, 0.8), nameof(base_momentum));
                            highMomentum = Of(max_momentum ?? Each(optimizer, 0.9), nameof(max_momentum));
                            foreach (var (group, high) in optimizer.ParamGroups.Zip(highMomentum)) Momentum(group).set(high);
                        }
                        step();

                        double[] Of(IEnumerable<double> values, string name)
                        {
                            double[] list = [.. values];
                            int groups = optimizer.ParamGroups.Count();
                            return list.Length == groups ? list : throw new ArgumentException($"expected {groups} values for {name}, got {list.Length}", name);
                        }
                    }

                    private static double[] Each(Optimizer optimizer, double value) => [.. optimizer.ParamGroups.Select(_ => value)];

                    protected override IEnumerable<double> get_lr()
                    {
                        double cycle = Math.Floor(1 + LastEpoch / total), x = 1 + LastEpoch / total - cycle;
                        double part = x <= ratio ? x / ratio : (x - 1) / (ratio - 1);
                        double factor = part * scale(byCycle ? cycle : LastEpoch);
                        if (cycleMomentum) // momentum falls while the rate rises
                        {
                            int k = 0;
                            foreach (var group in Groups)
                            {
                                Momentum(group).set(highMomentum[k] - (highMomentum[k] - lowMomentum[k]) * factor);
                                k++;
                            }
                        }
                        return BaseRates.Zip(highest, (low, high) => low + (high - low) * factor).ToArray();
                    }
                }
            }

            public static LRScheduler CyclicLR(Optimizer optimizer, double base_lr, double max_lr, int step_size_up = 2000, int step_size_down = -1, impl.CyclicLR.Mode mode = impl.CyclicLR.Mode.Triangular, double gamma = 1,
                Func<double, double>? scale_fn = null, impl.CyclicLR.ScaleMode scale_mode = impl.CyclicLR.ScaleMode.Cycle, bool cycle_momentum = true, double base_momentum = 0.8, double max_momentum = 0.9, int last_epoch = -1,
                bool verbose = false) =>
                new impl.CyclicLR(optimizer, base_lr, max_lr, step_size_up, step_size_down, mode, gamma, scale_fn, scale_mode, cycle_momentum, base_momentum, max_momentum, last_epoch, verbose);

            public static LRScheduler CyclicLR(Optimizer optimizer, IEnumerable<double> base_lr, IEnumerable<double> max_lr, int step_size_up = 2000, int step_size_down = -1,
                impl.CyclicLR.Mode mode = impl.CyclicLR.Mode.Triangular, double gamma = 1, Func<double, double>? scale_fn = null, impl.CyclicLR.ScaleMode scale_mode = impl.CyclicLR.ScaleMode.Cycle, bool cycle_momentum = true,
                IEnumerable<double>? base_momentum = null, IEnumerable<double>? max_momentum = null, int last_epoch = -1, bool verbose = false) =>
                new impl.CyclicLR(optimizer, base_lr, max_lr, step_size_up, step_size_down, mode, gamma, scale_fn, scale_mode, cycle_momentum, base_momentum, max_momentum, last_epoch, verbose);
        }
    }
}
