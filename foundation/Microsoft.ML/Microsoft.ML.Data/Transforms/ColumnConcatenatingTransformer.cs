using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("ConcatTransform", typeof(ColumnConcatenatingTransformer))]

namespace Microsoft.ML.Data;

/// <summary>Columns of one item type in one vector.</summary>
public sealed class ColumnConcatenatingTransformer : RowToRowTransformerBase
{
    private static readonly VersionInfo Version =
        new("CONCAT F", 0x00010003, 0x00010003, 0x00010003, "ConcatTransform", VersionInfo.DataAssembly, "ConcatFunction");

    private readonly (string Name, (string Source, string Alias)[] Sources)[] _columns;

    internal ColumnConcatenatingTransformer(IHostEnvironment env, params (string Name, (string Source, string Alias)[] Sources)[] columns)
        : base(env.Register(nameof(ColumnConcatenatingTransformer)))
    {
        _columns = columns;
    }

    private static ColumnConcatenatingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = new (string, (string, string)[])[ctx.ReadCount(8)];
        for (int i = 0; i < columns.Length; i++)
        {
            string name = ctx.LoadNonEmptyString();
            var sources = new (string, string)[ctx.ReadCount(8)];
            Contracts.CheckDecode(sources.Length > 0);
            for (int k = 0; k < sources.Length; k++)
                sources[k] = (ctx.LoadNonEmptyString(), ctx.LoadStringOrNull());
            columns[i] = (name, sources);
        }
        return new ColumnConcatenatingTransformer(env, columns);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        ctx.Writer.Write(_columns.Length);
        foreach (var (name, sources) in _columns)
        {
            ctx.SaveNonEmptyString(name);
            ctx.Writer.Write(sources.Length);
            foreach (var (source, alias) in sources)
            {
                ctx.SaveNonEmptyString(source);
                ctx.SaveStringOrNull(alias);
            }
        }
    }

    private protected override RowMapper MakeRowMapper(DataViewSchema inputSchema) =>
        new Mapper(inputSchema, _columns.Select(c => new Output(inputSchema, c.Name, c.Sources)).ToArray());

    private sealed class Mapper(DataViewSchema inputSchema, Output[] outputs) : RowMapper(inputSchema)
    {
        public override DataViewSchema.DetachedColumn[] OutputColumns { get; } = outputs.Select(o => o.Column).ToArray();

        public override void MarkDependencies(Func<int, bool> activeOutput, Action<int> needInput)
        {
            for (int i = 0; i < outputs.Length; i++)
            {
                if (!activeOutput(i))
                    continue;
                foreach (var source in outputs[i].Sources)
                    needInput(source.Index);
            }
        }

        public override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput) =>
            outputs.Select((o, i) => activeOutput(i) ? o.CreateGetter(input) : null).ToArray();
    }

    /// <summary>One output bound to its source columns.</summary>
    private sealed class Output
    {
        private readonly bool _identity;

        public Output(DataViewSchema schema, string name, (string Source, string Alias)[] sources)
        {
            Sources = sources.Select(s => schema.GetColumnOrNull(s.Source)
                ?? throw Contracts.ExceptSchemaMismatch("inputSchema", "input", s.Source)).ToArray();
            var item = ItemOf(Sources[0].Type);
            foreach (var source in Sources)
            {
                if (!ItemOf(source.Type).Equals(item))
                    throw Contracts.ExceptSchemaMismatch("inputSchema", "input", source.Name, item.ToString(), source.Type.ToString());
            }
            _identity = Sources.Length == 1 && Sources[0].Type is VectorDataViewType;
            if (_identity)
            {
                Column = new DataViewSchema.DetachedColumn(name, Sources[0].Type, Sources[0].Annotations);
                return;
            }
            bool known = Sources.All(s => s.Type is not VectorDataViewType { IsKnownSize: false });
            int size = known ? Sources.Sum(s => s.Type is VectorDataViewType v ? v.Size : 1) : 0;
            Column = new DataViewSchema.DetachedColumn(name, new VectorDataViewType(item, size), AnnotationsOf(sources, known));
        }

        public DataViewSchema.Column[] Sources { get; }

        public DataViewSchema.DetachedColumn Column { get; }

        private static PrimitiveDataViewType ItemOf(DataViewType type) => type is VectorDataViewType v ? v.ItemType
            : type as PrimitiveDataViewType ?? throw Contracts.ExceptNotSupp($"Values of type '{type}' cannot be put in a vector");

        private DataViewSchema.Annotations AnnotationsOf((string Source, string Alias)[] sources, bool known)
        {
            var builder = new DataViewSchema.Annotations.Builder();
            if (Sources.All(s => s.IsNormalized()))
                builder.AddIsNormalized();
            if (known && Sources.Any(s => s.Type is not VectorDataViewType || s.HasSlotNames()))
            {
                var names = new List<string>();
                for (int i = 0; i < Sources.Length; i++)
                {
                    string name = string.IsNullOrEmpty(sources[i].Alias) ? Sources[i].Name : sources[i].Alias;
                    if (Sources[i].Type is not VectorDataViewType vector)
                        names.Add(name);
                    else if (AnnotationKinds.SlotNamesOrNull(Sources[i]) is { } slots)
                        names.AddRange(slots.Select(s => s.Length == 0 ? "" : $"{name}.{s}"));
                    else
                        names.AddRange(Enumerable.Repeat("", vector.Size));
                }
                builder.AddNames(AnnotationKinds.SlotNames, names);
            }
            return builder.ToAnnotations();
        }

        public Delegate CreateGetter(DataViewRow row)
        {
            if (_identity)
                return Getters.Of(row, Sources[0]);
            return Getters.Call<Delegate>(Getters.Method(typeof(Output), nameof(Join)), ItemOf(Sources[0].Type).RawType, this, row);
        }

        private static ValueGetter<VBuffer<T>> Join<T>(Output output, DataViewRow row)
        {
            var sources = output.Sources;
            var scalars = sources.Select(s => s.Type is VectorDataViewType ? null : row.GetGetter<T>(s)).ToArray();
            var vectors = sources.Select(s => s.Type is VectorDataViewType ? row.GetGetter<VBuffer<T>>(s) : null).ToArray();
            var buffers = new VBuffer<T>[sources.Length];
            return (ref VBuffer<T> value) =>
            {
                int length = 0, count = 0;
                for (int i = 0; i < sources.Length; i++)
                {
                    if (scalars[i] is not null)
                    {
                        length++;
                        count++;
                        continue;
                    }
                    vectors[i](ref buffers[i]);
                    int size = ((VectorDataViewType)sources[i].Type).Size;
                    if (size > 0 && buffers[i].Length != size)
                        throw Contracts.Except($"Column '{sources[i].Name}': expected {size} slots, but got {buffers[i].Length}");
                    length = checked(length + buffers[i].Length);
                    count += buffers[i].GetValues().Length;
                }
                bool sparse = count < length / 2;
                var editor = VBufferEditor.Create(ref value, length, sparse ? count : length);
                if (!sparse)
                    editor.Values.Clear();
                int start = 0, at = 0;
                for (int i = 0; i < sources.Length; i++)
                {
                    if (scalars[i] is not null)
                    {
                        scalars[i](ref editor.Values[sparse ? at : start]);
                        if (sparse)
                            editor.Indices[at++] = start;
                        start++;
                        continue;
                    }
                    var values = buffers[i].GetValues();
                    var indices = buffers[i].GetIndices();
                    for (int k = 0; k < values.Length; k++)
                    {
                        int slot = start + (buffers[i].IsDense ? k : indices[k]);
                        editor.Values[sparse ? at : slot] = values[k];
                        if (sparse)
                            editor.Indices[at++] = slot;
                    }
                    start += buffers[i].Length;
                }
                value = editor.Commit();
            };
        }
    }
}
