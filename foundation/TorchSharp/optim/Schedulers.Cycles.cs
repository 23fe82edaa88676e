namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static partial class lr_scheduler
        {
            public static partial class impl
            {
                // Momentum lives in another place for each kind of optimizer.
                private static (Func<double> get, Action<double> set) Momentum(ILearningRateController group) => group switch
                {
                    IMomentum m => (() => m.Momentum, v => m.Momentum = v),
                    IBetas b => (() => b.Betas.Item1, v => b.Betas = (v, b.Betas.Item2)),
                    _ => throw new ArgumentException("optimizer must support momentum with cycle_momentum option enabled"),
                };

                public class OneCycleLR : LRScheduler
                {
                    public enum AnnealStrategy
                    {
                        Cos = 0,
                        Linear = 1,
                    }

                    private readonly record struct Phase(double End, int FromRate, int ToRate);

                    private readonly int total;
                    private readonly AnnealStrategy anneal;
                    private readonly bool cycleMomentum;
                    private readonly Phase[] phases;
                    // for each group: first, highest and last rate; highest and lowest momentum
                    private readonly double[][] rates;
                    private readonly double[] highMomentum = [], lowMomentum = [];

                    public OneCycleLR(Optimizer optimizer, double max_lr, int total_steps = -1, int epochs = -1, int steps_per_epoch = -1, double pct_start = 0.3, AnnealStrategy anneal_strategy = AnnealStrategy.Cos,
                        bool cycle_momentum = true, double base_momentum = 0.85, double max_momentum = 0.95, double div_factor = 25, double final_div_factor = 1e4, bool three_phase = false, int last_epoch = -1, bool verbose = false)
                        : this(optimizer, Enumerable.Repeat(max_lr, optimizer.ParamGroups.Count()), total_steps, epochs, steps_per_epoch, pct_start, anneal_strategy, cycle_momentum,
                            Enumerable.Repeat(base_momentum, optimizer.ParamGroups.Count()), Enumerable.Repeat(max_momentum, optimizer.ParamGroups.Count()), div_factor, final_div_factor, three_phase, last_epoch, verbose)
                    { }

                    public OneCycleLR(Optimizer optimizer, IEnumerable<double> max_lr, int total_steps = -1, int epochs = -1, int steps_per_epoch = -1, double pct_start = 0.3, AnnealStrategy anneal_strategy = AnnealStrategy.Cos,
                        bool cycle_momentum = true, IEnumerable<double>? base_momentum = null, IEnumerable<double>? max_momentum = null, double div_factor = 25, double final_div_factor = 1e4, bool three_phase = false,
                        int last_epoch = -1, bool verbose = false) : base(optimizer, last_epoch, verbose)
                    {
                        if (total_steps <= 0 && (epochs <= 0 || steps_per_epoch <= 0)) throw new ArgumentException("You must define either total_steps OR (epochs AND steps_per_epoch)");
                        if (pct_start is < 0 or > 1) throw new ArgumentException($"Expected float between 0 and 1 pct_start, but got {pct_start}", nameof(pct_start));
                        total = total_steps > 0 ? total_steps : epochs * steps_per_epoch;
                        anneal = anneal_strategy;
                        cycleMomentum = cycle_momentum;
                        phases = three_phase
                            ? [new(pct_start * total - 1, 0, 1), new(2 * pct_start * total - 2, 1, 0), new(total - 1, 0, 2)]
                            : [new(pct_start * total - 1, 0, 1), new(total - 1, 1, 2)];
                        rates = [.. max_lr.Select(m => new[] { m / div_factor, m, m / div_factor / final_div_factor })];
                        foreach (var (group, r) in optimizer.ParamGroups.Zip(rates)) (group.LearningRate, group.InitialLearningRate) = (r[0], r[0]);
                        BaseRates = [.. rates.Select(r => r[0])];
                        if (cycle_momentum)
                        {
                            int groups = rates.Length;
                            highMomentum = [.. max_momentum ?? Enumerable.Repeat(0.95, groups)];
                            lowMomentum = [.. base_momentum ?? Enumerable.Repeat(0.85, groups)];
                        }
                        step();
                    }

                    private double Between(double from, double to, double part) =>
                        anneal == AnnealStrategy.Linear ? (to - from) * part + from : to + (from - to) / 2 * (1 + Math.Cos(Math.PI * part));

                    protected override IEnumerable<double> get_lr()
                    {
                        if (LastEpoch > total) throw new InvalidOperationException($"Tried to step {LastEpoch} times. The specified number of total steps is {total}");
                        double start = 0;
                        var phase = phases[^1];
                        foreach (var p in phases)
                        {
                            phase = p;
                            if (LastEpoch <= p.End) break;
                            if (p != phases[^1]) start = p.End;
                        }
                        double part = (LastEpoch - start) / (phase.End - start);
                        var now = new double[rates.Length];
                        int k = 0;
                        foreach (var group in Groups)
                        {
                            now[k] = Between(rates[k][phase.FromRate], rates[k][phase.ToRate], part);
                            // momentum falls while the rate rises
                            if (cycleMomentum)
                                Momentum(group).set(phase.ToRate == 1 ? Between(highMomentum[k], lowMomentum[k], part)
                                    : phase.FromRate == 1 ? Between(lowMomentum[k], highMomentum[k], part) : highMomentum[k]);
                            k++;
                        }
                        return now;
                    }
                }

                public class ReduceLROnPlateau : LRScheduler
                {
                    private readonly bool smaller, relative, verboseHere;
                    private readonly double factor, threshold, eps;
                    private readonly int patience, cooldown;
                    private readonly double[] least;
                    private double best;
                    private int bad, cooling;

                    public ReduceLROnPlateau(Optimizer optimizer, string mode = "min", double factor = 0.1, int patience = 10, double threshold = 1e-4, string threshold_mode = "rel", int cooldown = 0,
                        IList<double>? min_lr = null, double eps = 1e-8, bool verbose = false) : base(optimizer, -1, verbose)
                    {
                        if (factor >= 1) throw new ArgumentException("Factor should be < 1.0", nameof(factor));
                        smaller = mode switch { "min" => true, "max" => false, _ => throw new ArgumentException($"mode {mode} is unknown; it is min or max.", nameof(mode)) };
                        relative = threshold_mode switch { "rel" => true, "abs" => false, _ => throw new ArgumentException($"threshold mode {threshold_mode} is unknown; it is rel or abs.", nameof(threshold_mode)) };
                        (this.factor, this.patience, this.threshold, this.cooldown, this.eps, verboseHere) = (factor, patience, threshold, cooldown, eps, verbose);
                        int groups = optimizer.ParamGroups.Count();
                        least = min_lr is null || min_lr.Count == 0 ? new double[groups] : min_lr.Count == 1 ? [.. Enumerable.Repeat(min_lr[0], groups)] : [.. min_lr];
                        if (least.Length != groups) throw new ArgumentException($"min_lr has {least.Length} values for {groups} groups.", nameof(min_lr));
                        best = smaller ? double.PositiveInfinity : double.NegativeInfinity;
                        LastEpoch = 0;
                    }

                    public override void step() => throw new InvalidOperationException("ReduceLROnPlateau goes by a measure: call step(current).");
                    public override void step(int? epoch) => step();

                    public override void step(double current, int? epoch = null)
                    {
                        LastEpoch = epoch ?? LastEpoch + 1;
                        if (Better(current)) (best, bad) = (current, 0);
                        else bad++;
                        if (cooling > 0)
                        {
                            cooling--;
                            bad = 0;
                        }
                        if (bad <= patience) return;
                        var now = Rates.Zip(least, (lr, low) => Math.Max(lr * factor, low) is var next && lr - next > eps ? next : lr).ToArray();
                        Set(now);
                        (cooling, bad) = (cooldown, 0);
                        if (verboseHere) Console.WriteLine($"Epoch {LastEpoch}: reducing learning rate to {string.Join(", ", now)}");
                    }

                    private bool Better(double a) => (smaller, relative) switch
                    {
                        (true, true) => a < best * (1 - threshold),
                        (true, false) => a < best - threshold,
                        (false, true) => a > best * (threshold + 1),
                        (false, false) => a > best + threshold,
                    };
                }
            }

            public static LRScheduler OneCycleLR(Optimizer optimizer, double max_lr, int total_steps = -1, int epochs = -1, int steps_per_epoch = -1, double pct_start = 0.3,
                impl.OneCycleLR.AnnealStrategy anneal_strategy = impl.OneCycleLR.AnnealStrategy.Cos, bool cycle_momentum = true, double base_momentum = 0.85, double max_momentum = 0.95, double div_factor = 25,
                double final_div_factor = 1e4, bool three_phase = false, int last_epoch = -1, bool verbose = false) =>
                new impl.OneCycleLR(optimizer, max_lr, total_steps, epochs, steps_per_epoch, pct_start, anneal_strategy, cycle_momentum, base_momentum, max_momentum, div_factor, final_div_factor, three_phase, last_epoch, verbose);

            public static LRScheduler OneCycleLR(Optimizer optimizer, IEnumerable<double> max_lr, int total_steps = -1, int epochs = -1, int steps_per_epoch = -1, double pct_start = 0.3,
                impl.OneCycleLR.AnnealStrategy anneal_strategy = impl.OneCycleLR.AnnealStrategy.Cos, bool cycle_momentum = true, IEnumerable<double>? base_momentum = null, IEnumerable<double>? max_momentum = null,
                double div_factor = 25, double final_div_factor = 1e4, bool three_phase = false, int last_epoch = -1, bool verbose = false) =>
                new impl.OneCycleLR(optimizer, max_lr, total_steps, epochs, steps_per_epoch, pct_start, anneal_strategy, cycle_momentum, base_momentum, max_momentum, div_factor, final_div_factor, three_phase, last_epoch, verbose);

            public static LRScheduler ReduceLROnPlateau(Optimizer optimizer, string mode = "min", double factor = 0.1, int patience = 10, double threshold = 1e-4, string threshold_mode = "rel", int cooldown = 0,
                IList<double>? min_lr = null, double eps = 1e-8, bool verbose = false) =>
                new impl.ReduceLROnPlateau(optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps, verbose);
        }
    }
}
