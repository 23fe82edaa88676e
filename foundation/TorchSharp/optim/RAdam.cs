using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Adam with a rectified variance in its first steps.</summary>
        public class RAdam : OptimizerHelper, optim.IBetas
        {
            public RAdam(IEnumerable<Parameter> parameters, double lr, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0)
                : this([new ParamGroup { Parameters = parameters }], lr, beta1, beta2, eps, weight_decay) { }

            public RAdam(IEnumerable<ParamGroup> parameters, double lr = 0.002, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0)
            {
                if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
                if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay value: {weight_decay}");
                _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay };
                foreach (var group in parameters) add_param_group(group);
            }

            public (double, double) Betas
            {
                get => _parameter_groups.OfType<ParamGroup>().First().Betas;
                set
                {
                    foreach (var group in _parameter_groups.OfType<ParamGroup>()) group.Betas = value;
                }
            }

            public override void add_param_group(Modules.ParamGroup param_group)
            {
                var defaults = (Options)_defaults;
                if (param_group.Options is not Options options) param_group.Options = options = new Options { LearningRate = param_group.Options.LearningRate };
                options.beta1 ??= defaults.beta1;
                options.beta2 ??= defaults.beta2;
                options.eps ??= defaults.eps;
                options.weight_decay ??= defaults.weight_decay;
                AddGroup(param_group, p => new State(p));
            }

            public override Tensor? step(Func<Tensor>? closure = null) => _step<Modules.ParamGroup>(group =>
            {
                var o = (Options)group.Options;
                double lr = o.LearningRate!.Value;
                foreach (var p in group.Parameters)
                {
                    using var grad = p.grad;
                    if (grad is null) continue;
                    using var scope = NewDisposeScope();
                    var s = (State)_state[p.Handle];
                    s.step++;
                    var g = o.weight_decay != 0 ? grad.add(p, o.weight_decay!.Value) : grad;
                    double b1 = o.beta1!.Value, b2 = o.beta2!.Value, bias1 = 1 - Math.Pow(b1, s.step), bias2 = 1 - Math.Pow(b2, s.step);
                    s.exp_avg.mul_(b1).add_(g, 1 - b1);
                    s.exp_avg_sq.mul_(b2).addcmul_(g, g, 1 - b2);
                    double most = 2 / (1 - b2) - 1, now = most - 2 * s.step * Math.Pow(b2, s.step) / bias2;
                    var average = s.exp_avg.div(bias1);
                    if (now <= 5)
                    {
                        p.add_(average, -lr);
                        continue;
                    }
                    double rectified = Math.Sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now));
                    p.addcmul_(average, s.exp_avg_sq.sqrt().add_(o.eps!.Value).reciprocal_(), -lr * rectified * Math.Sqrt(bias2));
                }
            }, closure);

            /// <summary>Settings of a group.</summary>
            public class Options : OptimizerOptions
            {
                public double? beta1;
                public double? beta2;
                public double? eps;
                public double? weight_decay;

                public override void LoadStateDict(OptimizerOptions source)
                {
                    base.LoadStateDict(source);
                    var from = (Options)source;
                    beta1 = from.beta1;
                    beta2 = from.beta2;
                    eps = from.eps;
                    weight_decay = from.weight_decay;
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    base.LoadStateDict(reader);
                    beta1 = reader.ReadDouble();
                    beta2 = reader.ReadDouble();
                    eps = reader.ReadDouble();
                    weight_decay = reader.ReadDouble();
                }

                public override void SaveStateDict(BinaryWriter writer)
                {
                    base.SaveStateDict(writer);
                    writer.Write(beta1!.Value);
                    writer.Write(beta2!.Value);
                    writer.Write(eps!.Value);
                    writer.Write(weight_decay!.Value);
                }
            }

            /// <summary>Parameters with settings of their own.</summary>
            public class ParamGroup : ParamGroup<Options>, optim.IBetas
            {
                public ParamGroup() => base.Options = new Options();

                public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }

                public (double, double) Betas
                {
                    get => (Options.beta1!.Value, Options.beta2!.Value);
                    set => (Options.beta1, Options.beta2) = (value.Item1, value.Item2);
                }
            }

            /// <summary>What is remembered of one parameter.</summary>
            public sealed class State : OptimizerState, IDisposable
            {
                public long step;
                public Tensor exp_avg;
                public Tensor exp_avg_sq;

                public State(Parameter parameter) : base(parameter)
                {
                    exp_avg = zeros_like(parameter).DetachFromDisposeScope();
                    exp_avg_sq = zeros_like(parameter).DetachFromDisposeScope();
                }

                public override void Initialize(OptimizerOptions options)
                {
                    step = 0;
                }

                public void Dispose()
                {
                    exp_avg.Dispose();
                    exp_avg_sq.Dispose();
                }

                public override void to(Device device)
                {
                    exp_avg = Moved(exp_avg, device);
                    exp_avg_sq = Moved(exp_avg_sq, device);
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    step = reader.ReadInt64();
                    exp_avg = Read(reader, exp_avg, exp_avg.device);
                    exp_avg_sq = Read(reader, exp_avg_sq, exp_avg_sq.device);
                }

                public override void SaveStateDict(BinaryWriter writer)
                {
                    writer.Write(step);
                    exp_avg.Save(writer);
                    exp_avg_sq.Save(writer);
                }

                public override void LoadStateDict(OptimizerState source)
                {
                    var from = (State)source;
                    step = from.step;
                    exp_avg = Copied(exp_avg, from.exp_avg);
                    exp_avg_sq = Copied(exp_avg_sq, from.exp_avg_sq);
                }
            }
        }
    }

    public static partial class torch
    {
        public static partial class optim
        {
            public static RAdam RAdam(IEnumerable<Parameter> parameters, double lr = 0.002, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) =>
                new(parameters, lr, beta1, beta2, eps, weight_decay);

            public static RAdam RAdam(IEnumerable<(string name, Parameter parameter)> parameters, double lr = 0.002, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) =>
                new(parameters.Select(p => p.parameter), lr, beta1, beta2, eps, weight_decay);

            public static RAdam RAdam(IEnumerable<RAdam.ParamGroup> parameters, double lr = 0.002, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0) =>
                new(parameters, lr, beta1, beta2, eps, weight_decay);
        }
    }
}
