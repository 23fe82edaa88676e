using System.Collections;
using System.Diagnostics.CodeAnalysis;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Parameters under names.</summary>
        public class ParameterDict : nn.Module, IDictionary<string, Parameter>, IList<(string, Parameter)>
        {
            private readonly OrderedDict<string, Parameter> dict = [];
            private bool done;

            public ParameterDict() : base(nameof(ParameterDict)) { }

            protected override void RegisterComponents()
            {
                if (done) return;
                foreach (var (key, item) in dict) register_parameter(key, item);
                done = true;
            }

            public Parameter this[string key]
            {
                get => dict[key];
                set
                {
                    if (!dict.ContainsKey(key)) throw new KeyNotFoundException($"There is no entry '{key}'; use Add for a new one.");
                    dict[key] = value;
                }
            }

            public (string, Parameter) this[int index]
            {
                get => dict[index];
                set => dict[index] = value;
            }

            public int Count => dict.Count;
            public bool IsReadOnly => false;
            public ICollection<string> Keys => dict.Keys;
            public ICollection<Parameter> Values => dict.Values;
            public IEnumerable<string> keys() => dict.keys();
            public IEnumerable<Parameter> values() => dict.values();
            public IEnumerator<(string, Parameter)> items() => dict.items();
            public void Add(string key, Parameter value) => dict.Add(key, value);
            public void Add((string, Parameter) item) => dict.Add(item);
            public void Add(KeyValuePair<string, Parameter> item) => dict.Add(item);
            public void Clear() => dict.Clear();
            public void clear() => dict.Clear();
            public bool Contains((string, Parameter) item) => dict.Contains(item);
            public bool Contains(KeyValuePair<string, Parameter> item) => dict.Contains(item);
            public bool ContainsKey(string key) => dict.ContainsKey(key);
            public void CopyTo((string, Parameter)[] array, int arrayIndex) => dict.CopyTo(array, arrayIndex);
            public void CopyTo(KeyValuePair<string, Parameter>[] array, int arrayIndex) => dict.CopyTo(array, arrayIndex);
            public int IndexOf((string, Parameter) item) => dict.IndexOf(item);
            public void Insert(int index, (string, Parameter) item) => dict.Insert(index, item);
            public bool Remove(string key) => dict.Remove(key);
            public bool Remove((string, Parameter) item) => dict.Remove(item);
            public bool Remove(KeyValuePair<string, Parameter> item) => dict.Remove(item);
            public void RemoveAt(int index) => dict.RemoveAt(index);
            public bool TryGetValue(string key, [MaybeNullWhen(false)] out Parameter value) => dict.TryGetValue(key, out value);
            public IEnumerator<(string, Parameter)> GetEnumerator() => dict.GetEnumerator();
            IEnumerator IEnumerable.GetEnumerator() => dict.GetEnumerator();
            IEnumerator<KeyValuePair<string, Parameter>> IEnumerable<KeyValuePair<string, Parameter>>.GetEnumerator() => ((IEnumerable<KeyValuePair<string, Parameter>>)dict).GetEnumerator();

            // The entries themselves, also those added after registration.
            public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse)
            {
                foreach (var (key, p) in dict) yield return (key, p);
            }

            public override bool has_parameter(string target) => dict.ContainsKey(target);
            public override Parameter? get_parameter(string target) => dict.TryGetValue(target, out var p) ? p : null;

            protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
            {
                foreach (var (key, p) in dict.Snapshot())
                {
                    if (!ReplaceParameter(dtype, device, p, out var moved)) continue;
                    dict[key] = moved;
                    ConditionallyRegisterParameter(key, moved);
                }
            }

            private protected override void DisposeUnregistered()
            {
                foreach (var (_, p) in dict) p.Dispose();
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static ParameterDict ParameterDict(params (string, Parameter)[] parameters)
            {
                var dict = new ParameterDict();
                foreach (var item in parameters) dict.Add(item);
                return dict;
            }
        }
    }
}
