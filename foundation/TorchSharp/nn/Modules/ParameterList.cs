using System.Collections;
using System.Globalization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Parameters under their numbers.</summary>
        public class ParameterList : nn.Module, IList<Parameter>
        {
            private readonly List<Parameter> list = [];
            private bool done;

            public ParameterList(params Parameter[] parameters) : base(nameof(ParameterList)) => list.AddRange(parameters);

            protected override void RegisterComponents()
            {
                if (done) return;
                for (int k = 0; k < list.Count; k++) register_parameter(Key(k), list[k]);
                done = true;
            }

            private static string Key(int k) => k.ToString(CultureInfo.InvariantCulture);

            public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                for (int k = 0; k < list.Count; k++) yield return (Key(k), list[k]);
            }

            public override bool has_parameter(string target) => int.TryParse(target, out int k) && k >= 0 && k < list.Count;
            public override Parameter? get_parameter(string target) => int.TryParse(target, out int k) && k >= 0 && k < list.Count ? list[k] : null;

            protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
            {
                for (int k = 0; k < list.Count; k++)
                {
                    if (!ReplaceParameter(dtype, device, list[k], out var moved)) continue;
                    list[k] = moved;
                    ConditionallyRegisterParameter(Key(k), moved);
                }
            }

            private protected override void DisposeUnregistered()
            {
                foreach (var p in list) p.Dispose();
            }

            public Parameter this[int index]
            {
                get => list[index];
                set => list[index] = value;
            }

            public int Count => list.Count;
            public bool IsReadOnly => false;
            public void append(params Parameter[] parameters) => list.AddRange(parameters);
            public void extend(IEnumerable<Parameter> parameters) => list.AddRange(parameters);
            public void Add(Parameter item) => list.Add(item);
            public void Clear() => list.Clear();
            public bool Contains(Parameter item) => list.Contains(item);
            public void CopyTo(Parameter[] array, int arrayIndex) => list.CopyTo(array, arrayIndex);
            public int IndexOf(Parameter item) => list.IndexOf(item);
            public void Insert(int index, Parameter item) => list.Insert(index, item);
            public bool Remove(Parameter item) => list.Remove(item);
            public void RemoveAt(int index) => list.RemoveAt(index);
            public IEnumerator<Parameter> GetEnumerator() => list.GetEnumerator();
            IEnumerator IEnumerable.GetEnumerator() => list.GetEnumerator();
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static ParameterList ParameterList(params Parameter[] parameters) => new(parameters);
        }
    }
}
