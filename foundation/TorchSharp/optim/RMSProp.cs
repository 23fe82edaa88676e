using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Steps scaled by a running mean of squared gradients.</summary>
        public class RMSProp : OptimizerHelper, optim.IMomentum
        {
            public RMSProp(IEnumerable<Parameter> parameters, double lr = 0.001, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false)
                : this([new ParamGroup { Parameters = parameters }], lr, alpha, eps, weight_decay, momentum, centered, maximize) { }

            public RMSProp(IEnumerable<ParamGroup> parameters, double lr = 0.001, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false)
            {
                if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
                if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay value: {weight_decay}");
                _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, alpha = alpha, eps = eps, weight_decay = weight_decay, momentum = momentum, centered = centered, maximize = maximize };
                foreach (var group in parameters) add_param_group(group);
            }

            public double Momentum
            {
                get => _parameter_groups.OfType<ParamGroup>().First().Momentum;
                set
                {
                    foreach (var group in _parameter_groups.OfType<ParamGroup>()) group.Momentum = value;
                }
            }

            public override void add_param_group(Modules.ParamGroup param_group)
            {
                var defaults = (Options)_defaults;
                if (param_group.Options is not Options options) param_group.Options = options = new Options { LearningRate = param_group.Options.LearningRate };
                options.alpha ??= defaults.alpha;
                options.eps ??= defaults.eps;
                options.weight_decay ??= defaults.weight_decay;
                options.momentum ??= defaults.momentum;
                options.centered ??= defaults.centered;
                options.maximize ??= defaults.maximize;
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
                    var g = o.maximize == true ? grad.neg() : grad;
                    if (o.weight_decay != 0) g = g.add(p, o.weight_decay!.Value);
                    double alpha = o.alpha!.Value;
                    s.square_avg.mul_(alpha).addcmul_(g, g, 1 - alpha);
                    var mean = s.square_avg;
                    if (o.centered == true)
                    {
                        s.grad_avg!.mul_(alpha).add_(g, 1 - alpha);
                        mean = s.square_avg.addcmul(s.grad_avg, s.grad_avg, -1);
                    }
                    var below = mean.sqrt().add_(o.eps!.Value);
                    if (o.momentum > 0)
                    {
                        s.momentum_buffer!.mul_(o.momentum!.Value).addcdiv_(g, below, 1);
                        p.add_(s.momentum_buffer, -lr);
                    }
                    else p.addcdiv_(g, below, -lr);
                }
            }, closure);

            /// <summary>Settings of a group.</summary>
            public class Options : OptimizerOptions
            {
                public double? alpha;
                public double? eps;
                public double? weight_decay;
                public double? momentum;
                public bool? centered;
                public bool? maximize;

                public override void LoadStateDict(OptimizerOptions source)
                {
                    base.LoadStateDict(source);
                    var from = (Options)source;
                    alpha = from.alpha;
                    eps = from.eps;
                    weight_decay = from.weight_decay;
                    momentum = from.momentum;
                    centered = from.centered;
                    maximize = from.maximize;
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    base.LoadStateDict(reader);
                    alpha = reader.ReadDouble();
                    eps = reader.ReadDouble();
                    weight_decay = reader.ReadDouble();
                    momentum = reader.ReadDouble();
                    centered = reader.ReadBoolean();
                    maximize = reader.ReadBoolean();
                }

                public override void SaveStateDict(BinaryWriter writer)
                {
                    base.SaveStateDict(writer);
                    writer.Write(alpha!.Value);
                    writer.Write(eps!.Value);
                    writer.Write(weight_decay!.Value);
                    writer.Write(momentum!.Value);
                    writer.Write(centered!.Value);
                    writer.Write(maximize!.Value);
                }
            }

            /// <summary>Parameters with settings of their own.</summary>
            public class ParamGroup : ParamGroup<Options>, optim.IMomentum
            {
                public ParamGroup() => base.Options = new Options();

                public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }

                public double Momentum
                {
                    get => Options.momentum!.Value;
                    set => Options.momentum = value;
                }
            }

            /// <summary>What is remembered of one parameter.</summary>
            public sealed class State : OptimizerState, IDisposable
            {
                public long step;
                public Tensor square_avg;
                public Tensor? momentum_buffer;
                public Tensor? grad_avg;

                public State(Parameter parameter) : base(parameter)
                {
                    square_avg = zeros_like(parameter).DetachFromDisposeScope();
                }

                public override void Initialize(OptimizerOptions options)
                {
                    step = 0;
                    var o = (Options)options;
                    if (o.momentum > 0) momentum_buffer ??= zeros_like(_parameter).DetachFromDisposeScope();
                    if (o.centered == true) grad_avg ??= zeros_like(_parameter).DetachFromDisposeScope();
                }

                public void Dispose()
                {
                    square_avg.Dispose();
                    momentum_buffer?.Dispose();
                    grad_avg?.Dispose();
                }

                public override void to(Device device)
                {
                    square_avg = Moved(square_avg, device);
                    if (momentum_buffer is not null) momentum_buffer = Moved(momentum_buffer, device);
                    if (grad_avg is not null) grad_avg = Moved(grad_avg, device);
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    step = reader.ReadInt64();
                    square_avg = Read(reader, square_avg, square_avg.device);
                    LoadConditionalStateTensor(reader, ref momentum_buffer, _parameter.device);
                    LoadConditionalStateTensor(reader, ref grad_avg, _parameter.device);
                }

                public override void SaveStateDict(BinaryWriter writer)
                {
                    writer.Write(step);
                    square_avg.Save(writer);
                    SaveConditionalStateTensor(writer, momentum_buffer);
                    SaveConditionalStateTensor(writer, grad_avg);
                }

                public override void LoadStateDict(OptimizerState source)
                {
                    var from = (State)source;
                    step = from.step;
                    square_avg = Copied(square_avg, from.square_avg);
                    if (momentum_buffer is not null && from.momentum_buffer is not null) momentum_buffer = Copied(momentum_buffer, from.momentum_buffer);
                    if (grad_avg is not null && from.grad_avg is not null) grad_avg = Copied(grad_avg, from.grad_avg);
                }
            }
        }
    }

    public static partial class torch
    {
        public static partial class optim
        {
            public static RMSProp RMSProp(IEnumerable<Parameter> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false) =>
                new(parameters, lr, alpha, eps, weight_decay, momentum, centered, maximize);

            public static RMSProp RMSProp(IEnumerable<(string name, Parameter parameter)> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false) =>
                new(parameters.Select(p => p.parameter), lr, alpha, eps, weight_decay, momentum, centered, maximize);

            public static RMSProp RMSProp(IEnumerable<RMSProp.ParamGroup> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false) =>
                new(parameters, lr, alpha, eps, weight_decay, momentum, centered, maximize);
        }
    }
}
