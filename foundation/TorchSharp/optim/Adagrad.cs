using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Steps scaled by the sum of squared gradients.</summary>
        public class Adagrad : OptimizerHelper
        {
            public Adagrad(IEnumerable<Parameter> parameters, double lr = 0.01, double lr_decay = 0, double weight_decay = 0, double initial_accumulator_value = 0, double eps = 1e-10)
                : this([new ParamGroup { Parameters = parameters }], lr, lr_decay, weight_decay, initial_accumulator_value, eps) { }

            public Adagrad(IEnumerable<ParamGroup> parameters, double lr = 0.01, double lr_decay = 0, double weight_decay = 0, double initial_accumulator_value = 0, double eps = 1e-10)
            {
                if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
                if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay value: {weight_decay}");
                _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, lr_decay = lr_decay, weight_decay = weight_decay, initial_accumulator_value = initial_accumulator_value, eps = eps };
                foreach (var group in parameters) add_param_group(group);
            }

            public override void add_param_group(Modules.ParamGroup param_group)
            {
                var defaults = (Options)_defaults;
                if (param_group.Options is not Options options) param_group.Options = options = new Options { LearningRate = param_group.Options.LearningRate };
                options.lr_decay ??= defaults.lr_decay;
                options.weight_decay ??= defaults.weight_decay;
                options.initial_accumulator_value ??= defaults.initial_accumulator_value;
                options.eps ??= defaults.eps;
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
                    double rate = lr / (1 + (s.step - 1) * o.lr_decay!.Value);
                    s.sum.addcmul_(g, g, 1);
                    p.addcdiv_(g, s.sum.sqrt().add_(o.eps!.Value), -rate);
                }
            }, closure);

            /// <summary>Settings of a group.</summary>
            public class Options : OptimizerOptions
            {
                public double? lr_decay;
                public double? weight_decay;
                public double? initial_accumulator_value;
                public double? eps;

                public override void LoadStateDict(OptimizerOptions source)
                {
                    base.LoadStateDict(source);
                    var from = (Options)source;
                    lr_decay = from.lr_decay;
                    weight_decay = from.weight_decay;
                    initial_accumulator_value = from.initial_accumulator_value;
                    eps = from.eps;
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    base.LoadStateDict(reader);
                    lr_decay = reader.ReadDouble();
                    weight_decay = reader.ReadDouble();
                    initial_accumulator_value = reader.ReadDouble();
                    eps = reader.ReadDouble();
                }

                public override void SaveStateDict(BinaryWriter writer)
                {
                    base.SaveStateDict(writer);
                    writer.Write(lr_decay!.Value);
                    writer.Write(weight_decay!.Value);
                    writer.Write(initial_accumulator_value!.Value);
                    writer.Write(eps!.Value);
                }
            }

            /// <summary>Parameters with settings of their own.</summary>
            public class ParamGroup : ParamGroup<Options>
            {
                public ParamGroup() => base.Options = new Options();

                public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }
            }

            /// <summary>What is remembered of one parameter.</summary>
            public sealed class State : OptimizerState, IDisposable
            {
                public long step;
                public Tensor sum;

                public State(Parameter parameter) : base(parameter)
                {
                    sum = zeros_like(parameter).DetachFromDisposeScope();
                }

                public override void Initialize(OptimizerOptions options)
                {
                    step = 0;
                    sum.fill_(((Options)options).initial_accumulator_value!.Value);
                }

                public void Dispose()
                {
                    sum.Dispose();
                }

                public override void to(Device device)
                {
                    sum = Moved(sum, device);
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    step = reader.ReadInt64();
                    sum = Read(reader, sum, sum.device);
                }

                public override void SaveStateDict(BinaryWriter writer)
                {
                    writer.Write(step);
                    sum.Save(writer);
                }

                public override void LoadStateDict(OptimizerState source)
                {
                    var from = (State)source;
                    step = from.step;
                    sum = Copied(sum, from.sum);
                }
            }
        }
    }

    public static partial class torch
    {
        public static partial class optim
        {
            public static Adagrad Adagrad(IEnumerable<Parameter> parameters, double lr = 0.01, double lr_decay = 0, double weight_decay = 0, double initial_accumulator_value = 0, double eps = 1e-10) =>
                new(parameters, lr, lr_decay, weight_decay, initial_accumulator_value, eps);

            public static Adagrad Adagrad(IEnumerable<(string name, Parameter parameter)> parameters, double lr = 0.01, double lr_decay = 0, double weight_decay = 0, double initial_accumulator_value = 0, double eps = 1e-10) =>
                new(parameters.Select(p => p.parameter), lr, lr_decay, weight_decay, initial_accumulator_value, eps);

            public static Adagrad Adagrad(IEnumerable<Adagrad.ParamGroup> parameters, double lr = 0.01, double lr_decay = 0, double weight_decay = 0, double initial_accumulator_value = 0, double eps = 1e-10) =>
                new(parameters, lr, lr_decay, weight_decay, initial_accumulator_value, eps);
        }
    }
}
