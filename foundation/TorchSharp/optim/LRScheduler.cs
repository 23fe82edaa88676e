using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        /// <summary>Rules for the learning rate over time.</summary>
        public static partial class lr_scheduler
        {
            /// <summary>What all schedulers have: they set each group's rate after each step.</summary>
            public abstract class LRScheduler
            {
                private static readonly ConditionalWeakTable<Optimizer, object> scheduled = [];

                internal Optimizer Optimizer = null!;
                internal int LastEpoch;
                internal double[] BaseRates = [];
                private double[] last = [];
                private readonly bool verbose;
                protected int _step_count;

                protected LRScheduler() { }

                protected LRScheduler(Optimizer optimizer, int last_epoch = -1, bool verbose = false)
                {
                    Optimizer = optimizer;
                    LastEpoch = last_epoch;
                    this.verbose = verbose;
                    // The first scheduler of an optimizer notes the rates it starts from; further ones, as in a sequence, keep them.
                    if (last_epoch == -1 && scheduled.TryAdd(optimizer, optimizer))
                        foreach (var group in optimizer.ParamGroups) group.InitialLearningRate = group.LearningRate;
                    BaseRates = [.. optimizer.ParamGroups.Select(g => g.InitialLearningRate)];
                    last = [.. optimizer.ParamGroups.Select(g => g.LearningRate)];
                }

                internal IReadOnlyList<ILearningRateController> Groups => Optimizer.ParamGroups as IReadOnlyList<ILearningRateController> ?? [.. Optimizer.ParamGroups];
                internal IEnumerable<double> Rates => Optimizer.ParamGroups.Select(g => g.LearningRate);

                public virtual void step()
                {
                    _step_count++;
                    LastEpoch++;
                    Set([.. get_lr()]);
                }

                public virtual void step(int? epoch)
                {
                    if (epoch is not { } e)
                    {
                        step();
                        return;
                    }
                    _step_count++;
                    LastEpoch = e;
                    Set([.. get_closed_form_lr()]);
                }

                public virtual void step(double current, int? epoch = null) => step(epoch);

                internal void Set(double[] rates)
                {
                    int k = 0;
                    foreach (var group in Optimizer.ParamGroups)
                    {
                        if (verbose && group.LearningRate != rates[k]) Console.WriteLine($"Adjusting learning rate to {rates[k]}");
                        group.LearningRate = rates[k++];
                    }
                    last = rates;
                }

                protected virtual IEnumerable<double> get_lr() => Rates;
                protected virtual IEnumerable<double> get_closed_form_lr() => get_lr();
                public IEnumerable<double> get_last_lr() => last;
                internal IEnumerable<double> Next() => get_lr();
            }
        }
    }
}
