namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                string Key(string name) => string.IsNullOrEmpty(prefix) ? name : $"{prefix}.{name}";
                foreach (var (name, p) in named_parameters()) destination.TryAdd(Key(name), p);
                foreach (var (name, b) in named_buffers(include_nonpersistent: false)) destination.TryAdd(Key(name), b);
                foreach (var (name, child) in _internal_submodules) child.state_dict(destination, Key(name));
                return destination;
            }

            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                skip ??= [];
                var own = state_dict();
                var missing = own.Keys.Where(k => !source.ContainsKey(k) && !skip.Contains(k)).ToList();
                var unexpected = source.Keys.Where(k => !own.ContainsKey(k) && !skip.Contains(k)).ToList();
                if (strict && (missing.Count > 0 || unexpected.Count > 0))
                    throw new InvalidOperationException($"The loaded state_dict is not identical to the target dictionary: missing [{string.Join(", ", missing)}], unexpected [{string.Join(", ", unexpected)}].");
                // All shapes are looked at before anything is changed.
                foreach (var (key, value) in source)
                    if (!skip.Contains(key) && own.TryGetValue(key, out var target) && !target.shape.AsSpan().SequenceEqual(value.shape))
                        throw new InvalidOperationException($"The tensor '{key}' has shape [{string.Join(", ", value.shape)}] in the state_dict and [{string.Join(", ", target.shape)}] in the module.");
                using (no_grad())
                    foreach (var (key, value) in source)
                        if (!skip.Contains(key) && own.TryGetValue(key, out var target)) target.copy_(value);
                return (missing, unexpected);
            }

            // ---- files: a count, then for each entry its name and the tensor ----

            public Module save(string location, IList<string>? skip = null)
            {
                // Written beside and renamed: a reader sees the old file or the whole new one.
                var beside = location + ".tmp";
                using (var stream = File.Create(beside))
                {
                    save(stream, skip);
                    stream.Flush(flushToDisk: true);
                }
                File.Move(beside, location, overwrite: true);
                return this;
            }

            public Module save(Stream stream, IList<string>? skip = null)
            {
                using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
                return save(writer, skip);
            }

            public Module save(BinaryWriter writer, IList<string>? skip = null)
            {
                save_state_dict(writer, state_dict(), skip);
                return this;
            }

            public static void save_state_dict(BinaryWriter writer, Dictionary<string, Tensor> sd, IList<string>? skip = null)
            {
                var kept = sd.Where(e => skip is null || !skip.Contains(e.Key)).ToList();
                writer.Write7BitEncodedInt64(kept.Count);
                foreach (var (key, tensor) in kept)
                {
                    writer.Write(key);
                    tensor.Save(writer);
                }
                writer.Flush();
            }

            public virtual Module load(string location, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null)
            {
                if (!File.Exists(location)) throw new FileNotFoundException($"There is no file '{location}'.", location);
                using var stream = File.OpenRead(location);
                return load(stream, strict, skip, loadedParameters);
            }

            public Module load(Stream stream, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null)
            {
                using var reader = new BinaryReader(stream, System.Text.Encoding.UTF8, leaveOpen: true);
                return load(reader, strict, skip, loadedParameters);
            }

            public virtual Module load(BinaryReader reader, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null)
            {
                skip ??= [];
                var own = state_dict();
                long entries = reader.Read7BitEncodedInt64();
                if (strict && entries != own.Count)
                    throw new ArgumentException($"Mismatched state_dict sizes: expected {own.Count}, but found {entries} entries.");
                var loaded = new HashSet<string>();
                for (long k = 0; k < entries; k++)
                {
                    var key = reader.ReadString();
                    bool known = own.TryGetValue(key, out var target);
                    if (!known && strict && !skip.Contains(key)) throw new ArgumentException($"Mismatched module state names: the target modules does not have a submodule or buffer named '{key}'");
                    if (known && !skip.Contains(key))
                    {
                        target!.Load(reader);
                        loaded.Add(key);
                        if (loadedParameters is not null) loadedParameters[key] = true;
                    }
                    else TensorExtensionMethods.Load(reader, skip: true);
                }
                if (strict && own.Keys.FirstOrDefault(k => !loaded.Contains(k) && !skip.Contains(k)) is { } absent)
                    throw new ArgumentException($"The file has no entry for '{absent}'.");
                return this;
            }
        }
    }
}
