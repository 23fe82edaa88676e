using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Modules one after the other. What lies between two of them is disposed.</summary>
        public class Sequential : nn.Module<Tensor, Tensor>
        {
            private readonly List<(string name, nn.IModule<Tensor, Tensor> module)> steps = [];

            protected internal Sequential(params (string name, nn.Module<Tensor, Tensor> submodule)[] modules) : base(nameof(Sequential))
            {
                foreach (var (key, module) in modules) append(key, module);
            }

            protected internal Sequential(params nn.Module<Tensor, Tensor>[] modules) : base(nameof(Sequential))
            {
                foreach (var module in modules) append(module);
            }

            public int Count => steps.Count;

            public Sequential append(string name, nn.IModule<Tensor, Tensor> module)
            {
                if (module is not nn.Module m) throw new ArgumentException("The module to append must be a torch.nn.Module.", nameof(module));
                register_module(name, m);
                steps.Add((name, module));
                return this;
            }

            public Sequential append(nn.IModule<Tensor, Tensor> module) => append(steps.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), module);

            [System.Runtime.CompilerServices.IndexerName("SequentialItems")]
            public nn.IModule<Tensor, Tensor> this[int index] => steps[index].module;

            public override Tensor forward(Tensor tensor)
            {
                if (steps.Count == 0) return tensor.alias();
                var t = steps[0].module.call(tensor);
                foreach (var (_, module) in steps.Skip(1))
                {
                    var next = module.call(t);
                    // A module may hand its input on.
                    if (!ReferenceEquals(next, t) && !ReferenceEquals(t, tensor)) t.Dispose();
                    t = next;
                }
                return t;
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Sequential Sequential() => new(Array.Empty<(string, Module<Tensor, Tensor>)>());
            public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);
            public static Sequential Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules) => new(modules.ToArray());
            public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) => new(modules);
            public static Sequential Sequential(IEnumerable<Module<Tensor, Tensor>> modules) => new(modules.ToArray());
            public static Sequential Sequential(params Tuple<string, Module<Tensor, Tensor>>[] modules) => new(modules.Select(m => m.ToValueTuple()).ToArray());
            public static Sequential Sequential(IEnumerable<Tuple<string, Module<Tensor, Tensor>>> modules) => new(modules.Select(m => m.ToValueTuple()).ToArray());
        }
    }
}
