using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("TermTransform", typeof(ValueToKeyMappingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Values to the keys that were learnt for them; unknown values are missing.</summary>
public sealed class ValueToKeyMappingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version = new("TERMTRNF", 0x00010003, 0x00010003, 0x00010001, "TermTransform", VersionInfo.DataAssembly);
    private static readonly VersionInfo ManagerVersion = new("TERM MAN", 0x00010002, 0x00010002, 0x00010001, "TermManager", VersionInfo.DataAssembly);

    private readonly Vocabulary[] _vocabularies;
    private readonly bool[] _asText;

    internal ValueToKeyMappingTransformer(IHostEnvironment env, Vocabulary[] vocabularies, bool[] asText,
        params (string outputColumnName, string inputColumnName)[] columns) : base(env.Register(nameof(ValueToKeyMappingTransformer)), columns)
    {
        _vocabularies = vocabularies;
        _asText = asText;
    }

    private static ValueToKeyMappingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        var asText = new bool[columns.Length];
        for (int i = 0; i < asText.Length && ctx.VersionWritten >= 0x00010002; i++)
            asText[i] = ctx.ReadBoolByte();
        using var manager = ctx.OpenSubModel("Vocabulary");
        manager.CheckAtModel(ManagerVersion);
        Contracts.CheckDecode(manager.Reader.ReadInt32() == columns.Length);
        var vocabularies = columns.Select(_ => LoadVocabulary(manager)).ToArray();
        return new ValueToKeyMappingTransformer(env, vocabularies, asText, columns);
    }

    private static Vocabulary LoadVocabulary(ModelLoadContext ctx)
    {
        byte kind = ctx.Reader.ReadByte();
        Contracts.CheckDecode(kind <= 1);
        if (kind == 0)
        {
            var texts = new ReadOnlyMemory<char>[ctx.ReadCount(4)];
            for (int i = 0; i < texts.Length; i++)
                texts[i] = ctx.LoadNonEmptyString().AsMemory();
            return Vocabulary.Create(TextDataViewType.Instance, texts);
        }
        var codec = Codec.ReadDescription(ctx.Reader);
        Contracts.CheckDecode(codec.Type is PrimitiveDataViewType);
        int count = ctx.Reader.ReadInt32();
        Contracts.CheckDecode(count >= 0);
        return Getters.Call<Vocabulary>(Getters.Method(typeof(ValueToKeyMappingTransformer), nameof(ReadValues)), codec.Type.RawType, codec, ctx.Reader, count);
    }

    private static Vocabulary ReadValues<T>(Codec codec, BinaryReader reader, int count) =>
        Vocabulary.Create((PrimitiveDataViewType)codec.Type, ((Codec<T>)codec).Read(reader, count));

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (bool asText in _asText)
            ctx.Writer.Write(asText);
        ctx.SaveSubModel("Vocabulary", manager =>
        {
            manager.SetVersionInfo(ManagerVersion);
            manager.Writer.Write(_vocabularies.Length);
            foreach (var vocabulary in _vocabularies)
                vocabulary.Save(manager);
            manager.SaveText("Terms.txt", writer =>
            {
                foreach (var vocabulary in _vocabularies)
                    vocabulary.WriteText(writer);
            });
        });
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var item = source.Type is VectorDataViewType vector ? vector.ItemType : source.Type;
        if (!item.Equals(_vocabularies[pair].ItemType))
        {
            throw Contracts.Except(
                $"Could not apply a map over type '{_vocabularies[pair].ItemType}' to column '{ColumnPairs[pair].outputColumnName}' since it has type '{item}'");
        }
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var vocabulary = _vocabularies[pair];
        DataViewType type = source.Type is VectorDataViewType vector ? new VectorDataViewType(vocabulary.KeyType, vector.Dimensions) : vocabulary.KeyType;
        var annotations = new DataViewSchema.Annotations.Builder();
        vocabulary.AddKeyValues(annotations, _asText[pair], source);
        annotations.Add(source.Annotations, kind => kind == AnnotationKinds.SlotNames);
        return new ColumnMap(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type, annotations.ToAnnotations()),
            row => vocabulary.CreateGetter(row, source));
    }
}
