using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("NAReplaceTransform", typeof(MissingValueReplacingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Values in the place of missing ones: one for a column, or one for each slot.</summary>
public sealed class MissingValueReplacingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("NAREP TF", 0x00010002, 0x00010002, 0x00010001, "NAReplaceTransform", VersionInfo.TransformsAssembly);

    private readonly (DataViewType Type, double[] Values)[] _replacements;

    internal MissingValueReplacingTransformer(IHostEnvironment env, (DataViewType, double[])[] replacements,
        params (string outputColumnName, string inputColumnName)[] columns) : base(env.Register(nameof(MissingValueReplacingTransformer)), columns)
    {
        _replacements = replacements;
    }

    internal static void CheckType(DataViewType type)
    {
        var item = type is VectorDataViewType vector ? vector.ItemType : type;
        if (item.RawType != typeof(float) && item.RawType != typeof(double))
        {
            throw Contracts.ExceptParam("inputSchema",
                $"Type '{item}' is not supported by NAReplaceTransform since it doesn't have an NA value");
        }
    }

    private static MissingValueReplacingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        return new MissingValueReplacingTransformer(env, columns.Select(_ => ReadValue(ctx.Reader)).ToArray(), columns);
    }

    private static (DataViewType, double[]) ReadValue(BinaryReader reader)
    {
        switch (Codec.ReadDescription(reader))
        {
            case Codec<float> codec:
                return (codec.Type, [codec.Read(reader, 1)[0]]);
            case Codec<double> codec:
                return (codec.Type, codec.Read(reader, 1));
            case Codec<VBuffer<float>> codec:
                return (codec.Type, codec.Read(reader, 1)[0].DenseValues().Select(v => (double)v).ToArray());
            case Codec<VBuffer<double>> codec:
                return (codec.Type, codec.Read(reader, 1)[0].DenseValues().ToArray());
            default:
                throw Contracts.ExceptDecode();
        }
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (var (type, values) in _replacements)
        {
            // Slots that all get the default need one value only.
            bool one = values.Length == 1 || values.All(v => v == 0);
            var item = type is VectorDataViewType vector ? vector.ItemType : type;
            var codec = Codec.For(one ? item : type);
            codec.WriteDescription(ctx.Writer);
            switch (codec)
            {
                case Codec<float> c:
                    c.Write(ctx.Writer, [(float)values[0]]);
                    break;
                case Codec<double> c:
                    c.Write(ctx.Writer, [values[0]]);
                    break;
                case Codec<VBuffer<float>> c:
                    c.Write(ctx.Writer, [new VBuffer<float>(values.Length, values.Select(v => (float)v).ToArray())]);
                    break;
                case Codec<VBuffer<double>> c:
                    c.Write(ctx.Writer, [new VBuffer<double>(values.Length, values)]);
                    break;
            }
        }
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        CheckType(source.Type);
        var (type, values) = _replacements[pair];
        var item = type is VectorDataViewType vector ? vector.ItemType : type;
        var sourceItem = source.Type is VectorDataViewType v ? v.ItemType : source.Type;
        if (!item.Equals(sourceItem))
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, item.ToString(), source.Type.ToString());
        if (values.Length > 1 && (source.Type is not VectorDataViewType { IsKnownSize: true } known || known.Size != values.Length))
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, type.ToString(), source.Type.ToString());
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(source.Annotations, kind => kind is AnnotationKinds.SlotNames or AnnotationKinds.IsNormalized);
        return new ColumnMap(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, source.Type, annotations.ToAnnotations()),
            row => sourceItem.RawType == typeof(float)
                ? CreateGetter(row, source, values.Select(x => (float)x).ToArray(), float.IsNaN)
                : CreateGetter(row, source, values, double.IsNaN));
    }

    private static Delegate CreateGetter<T>(DataViewRow row, DataViewSchema.Column source, T[] replacements, Func<T, bool> isMissing)
    {
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<T>(source);
            return (ValueGetter<T>)((ref T value) =>
            {
                getter(ref value);
                if (isMissing(value))
                    value = replacements[0];
            });
        }
        var vectors = row.GetGetter<VBuffer<T>>(source);
        VBuffer<T> vector = default;
        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            vectors(ref vector);
            vector.CopyTo(ref value);
            var editor = VBufferEditor.CreateFromBuffer(ref value);
            for (int i = 0; i < editor.Values.Length; i++)
            {
                if (isMissing(editor.Values[i]))
                    editor.Values[i] = replacements[replacements.Length == 1 ? 0 : vector.IsDense ? i : editor.Indices[i]];
            }
            value = editor.Commit();
        });
    }
}
