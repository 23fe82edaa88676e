using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>A piece of a model: parameters, buffers and child modules under names.</summary>
        public partial class Module : IDisposable
        {
            protected string name;
            protected DeviceType _deviceType = DeviceType.CPU;
            protected int _deviceIndex = -1;
            protected OrderedDict<string, Module> _internal_submodules = [];
            protected OrderedDict<string, (Tensor, bool)> _internal_buffers = [];
            protected OrderedDict<string, Parameter> _internal_params = [];
            private bool registered;
            private bool inTraining = true;
            private bool disposed;

            protected Module(string name) => this.name = name;

            public virtual string GetName() => name;
            public virtual bool training => inTraining;

            public virtual void train(bool train = true)
            {
                inTraining = train;
                foreach (var child in _internal_submodules.values()) child.train(train);
            }

            public virtual void eval() => train(false);

            public virtual Module apply(Action<Module> fn)
            {
                foreach (var child in _internal_submodules.values()) child.apply(fn);
                fn(this);
                return this;
            }

            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var p in parameters())
                {
                    if (!p.HasGrad) continue;
                    if (set_to_none)
                    {
                        p.grad = null;
                        continue;
                    }
                    using var g = p.grad!;
                    using var plain = g.detach();
                    plain.zero_();
                }
            }

            // ---- registration ----

            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                ArgumentNullException.ThrowIfNull(tensor);
                if (!_internal_buffers.TryGetValue(name, out _) && !_internal_params.ContainsKey(name)) _internal_buffers.Add(name, (tensor, persistent));
                else throw new InvalidOperationException($"Tensor {name} is already registered.");
            }

            public virtual void register_parameter(string name, Parameter param)
            {
                if (param is null)
                {
                    _internal_params.Remove(name);
                    return;
                }
                if (_internal_params.ContainsKey(name) || _internal_buffers.ContainsKey(name))
                    throw new InvalidOperationException($"Parameter {name} is already registered.");
                _internal_params.Add(name, param);
            }

            public virtual void register_module(string name, Module submodule)
            {
                if (submodule is null || !submodule.Alive)
                {
                    _internal_submodules.Remove(name);
                    return;
                }
                if (name.Contains('.')) throw new ArgumentException($"module name can't contain \".\", got: {name}");
                if (name.Length == 0) throw new ArgumentException("module name can't be empty string \"\"");
                if (_internal_submodules.ContainsKey(name)) throw new InvalidOperationException($"Sub-module {name} is already registered.");
                submodule.RegisterComponents();
                _internal_submodules.Add(name, submodule);
            }

            private bool Alive => !disposed;

            public void add_module(string name, Module module) => register_module(name, module);

            protected void ConditionallyRegisterParameter(string name, Tensor? value) => ConditionallyRegisterParameter(name, value as Parameter);

            protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                if (value is null)
                {
                    _internal_params.Remove(name);
                    return;
                }
                _internal_params[name] = value;
            }

            protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                if (value is null)
                {
                    _internal_buffers.Remove(name);
                    return;
                }
                _internal_buffers[name] = (value, persistent);
            }

            protected void ClearModules() => _internal_submodules.clear();

            private static string NameOf(FieldInfo field) => field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;

            /// <summary>Registers what the fields hold: modules, parameters, and other tensors as buffers. Once.</summary>
            protected virtual void RegisterComponents()
            {
                // Modules of this library register what they hold themselves, under names that are not their fields'.
                if (registered || GetType().Assembly == typeof(Module).Assembly) return;
                foreach (var field in GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
                {
                    var key = NameOf(field);
                    if (_internal_submodules.ContainsKey(key) || _internal_params.ContainsKey(key) || _internal_buffers.ContainsKey(key)) continue;
                    switch (field.GetValue(this))
                    {
                        case Module m: register_module(key, m); break;
                        case Parameter p: register_parameter(key, p); break;
                        case Tensor t: register_buffer(key, t); break;
                    }
                }
                registered = true;
            }

            // ---- enumeration ----

            public virtual IEnumerable<(string name, Module module)> named_children() => _internal_submodules.Snapshot();
            public virtual IEnumerable<Module> children() => _internal_submodules.values().ToArray();

            public virtual IEnumerable<(string name, Module module)> named_modules()
            {
                foreach (var (key, child) in _internal_submodules)
                {
                    yield return (key, child);
                    foreach (var (inner, module) in child.named_modules()) yield return ($"{key}.{inner}", module);
                }
            }

            public virtual IEnumerable<Module> modules() => named_modules().Select(m => m.module);

            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                var seen = new HashSet<nint>();
                foreach (var (key, p) in _internal_params)
                    if (p is { IsInvalid: false } && seen.Add(p.Handle)) yield return (key, p);
                if (!recurse) yield break;
                foreach (var (key, child) in _internal_submodules)
                    foreach (var (inner, p) in child.named_parameters(true))
                        if (!p.IsInvalid && seen.Add(p.Handle)) yield return ($"{key}.{inner}", p);
            }

            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(p => p.parameter);

            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
            {
                var seen = new HashSet<nint>();
                foreach (var (key, (buffer, persistent)) in _internal_buffers)
                    if (buffer is { IsInvalid: false } && (persistent || include_nonpersistent) && seen.Add(buffer.Handle)) yield return (key, buffer);
                if (!recurse) yield break;
                foreach (var (key, child) in _internal_submodules)
                    foreach (var (inner, buffer) in child.named_buffers(true, include_nonpersistent))
                        if (seen.Add(buffer.Handle)) yield return ($"{key}.{inner}", buffer);
            }

            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(b => b.buffer);

            // "a.b.weight" is looked up in the child a.b
            private Module? Owner(string target, out string last)
            {
                var parts = target.Split('.');
                last = parts[^1];
                var module = this;
                foreach (var part in parts.AsSpan(0, parts.Length - 1))
                    if (!module._internal_submodules.TryGetValue(part, out module)) return null;
                return module;
            }

            public virtual bool has_parameter(string target) => Owner(target, out var last) is { } m && m._internal_params.ContainsKey(last);
            public virtual bool has_buffer(string target) => Owner(target, out var last) is { } m && m._internal_buffers.ContainsKey(last);
            public virtual Parameter? get_parameter(string target) => Owner(target, out var last) is { } m && m._internal_params.TryGetValue(last, out var p) ? p : null;
            public virtual Tensor? get_buffer(string target) => Owner(target, out var last) is { } m && m._internal_buffers.TryGetValue(last, out var b) ? b.Item1 : null;

            // ---- disposal ----

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected virtual void Dispose(bool disposing)
            {
                if (!disposing || disposed) return;
                disposed = true;
                foreach (var (_, (buffer, _)) in _internal_buffers) buffer?.Dispose();
                foreach (var (_, p) in _internal_params) p?.Dispose();
                foreach (var child in _internal_submodules.values()) child.Dispose();
                DisposeUnregistered();
            }

            // for containers that hold what was added after registration
            private protected virtual void DisposeUnregistered() { }
        }
    }
}
