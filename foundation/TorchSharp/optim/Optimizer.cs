using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Rules for changing parameters along their gradients.</summary>
    public static partial class optim
    {
        public interface ILearningRateController
        {
            double LearningRate { get; set; }
            double InitialLearningRate { get; set; }
        }

        public interface IMomentum
        {
            double Momentum { get; set; }
        }

        public interface IBetas
        {
            (double, double) Betas { get; set; }
        }

        /// <summary>What all optimizers have.</summary>
        public abstract class Optimizer : IDisposable
        {
            protected IList<ParamGroup> _parameter_groups = [];

            // The handle belongs to optimizers that live in native code; ours do not.
            protected Optimizer(nint handle) { }

            public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;

            public virtual void add_param_group(ParamGroup param_group) => throw new NotImplementedException($"add_param_group() is not implemented for optimizer {GetType().Name}");

            public virtual IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(g => g.Parameters);

            /// <summary>Fills the gradients with zeros (a module's zero_grad removes them).</summary>
            public virtual void zero_grad()
            {
                using var off = no_grad();
                foreach (var p in parameters())
                {
                    using var g = p.grad;
                    if (g is null) continue;
                    using var plain = g.detach();
                    plain.zero_();
                }
            }

            public virtual Tensor? step(Func<Tensor>? closure = null) => throw new NotImplementedException($"step() is not implemented for optimizer {GetType().Name}");

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected virtual void Dispose(bool disposing)
            {
                if (disposing) DisposeStates();
            }

            private protected virtual void DisposeStates() { }

            /// <summary>Options and states by position.</summary>
            public class StateDictionary
            {
                internal StateDictionary() { }
                public List<OptimizerOptions> Options { get; } = [];
                public List<OptimizerState> State { get; } = [];
                public List<List<int>> StateIndexRef { get; } = [];
            }
        }
    }
}
