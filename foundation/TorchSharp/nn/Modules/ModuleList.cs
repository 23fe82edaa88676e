using System.Collections;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>A list of modules, registered under their numbers when the owner registers its components.</summary>
        public class ModuleList<T> : nn.Module, IList<T> where T : nn.Module
        {
            private readonly List<T> list = [];
            private bool done;

            public ModuleList(params T[] modules) : base(nameof(ModuleList<T>)) => list.AddRange(modules);

            protected override void RegisterComponents()
            {
                if (done) return;
                for (int k = 0; k < list.Count; k++) register_module(k.ToString(System.Globalization.CultureInfo.InvariantCulture), list[k]);
                done = true;
            }

            public T this[int index]
            {
                get => list[index];
                set => list[index] = value;
            }

            public int Count => list.Count;
            public bool IsReadOnly => false;
            public void append(params T[] parameters) => list.AddRange(parameters);
            public void extend(IEnumerable<T> modules) => list.AddRange(modules);
            public void Add(T item) => list.Add(item);
            public void Clear() => list.Clear();
            public bool Contains(T item) => list.Contains(item);
            public void CopyTo(T[] array, int arrayIndex) => list.CopyTo(array, arrayIndex);
            public int IndexOf(T item) => list.IndexOf(item);
            public void Insert(int index, T item) => list.Insert(index, item);
            public bool Remove(T item) => list.Remove(item);
            public void RemoveAt(int index) => list.RemoveAt(index);
            public IEnumerator<T> GetEnumerator() => list.GetEnumerator();
            IEnumerator IEnumerable.GetEnumerator() => list.GetEnumerator();
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static ModuleList<Module> ModuleList(params Module[] modules) => new(modules);
            public static ModuleList<T> ModuleList<T>(params T[] modules) where T : Module => new(modules);
        }
    }
}
