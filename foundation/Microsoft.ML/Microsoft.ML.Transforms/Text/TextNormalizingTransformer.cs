using System.Text;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Text;

[assembly: Microsoft.ML.LoadableClass("TextNormalizerTransform", typeof(TextNormalizingTransformer))]

namespace Microsoft.ML.Transforms.Text;

/// <summary>Texts brought to one form.</summary>
public sealed class TextNormalizingEstimator : TrivialEstimator<TextNormalizingTransformer>
{
    internal const string Expected = "String or vector of String";

    internal TextNormalizingEstimator(IHostEnvironment env, TextNormalizing normalizing, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(TextNormalizingEstimator)), new TextNormalizingTransformer(env, normalizing, columns))
    {
    }

    /// <summary>Which case letters get.</summary>
    public enum CaseMode
    {
        Lower = 0,
        Upper = 1,
        None = 2,
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) => TextInputs.Outputs(inputSchema, Transformer.Pairs, Expected,
        kind => kind == SchemaShape.Column.VectorKind.Scalar ? kind : SchemaShape.Column.VectorKind.VariableVector);
}

/// <summary>Texts in one form; of a vector those that stay empty are left out.</summary>
public sealed class TextNormalizingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("TEXTNORM", 0x00010001, 0x00010001, 0x00010001, "TextNormalizerTransform", VersionInfo.TransformsAssembly);

    private readonly TextNormalizing _normalizing;

    internal TextNormalizingTransformer(IHostEnvironment env, TextNormalizing normalizing, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(TextNormalizingTransformer)), columns)
    {
        Contracts.CheckParam(Enum.IsDefined(normalizing.Case), "caseMode", "Unknown case mode");
        _normalizing = normalizing;
    }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static TextNormalizingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        var mode = (TextNormalizingEstimator.CaseMode)ctx.Reader.ReadByte();
        Contracts.CheckDecode(Enum.IsDefined(mode));
        return new TextNormalizingTransformer(env, new TextNormalizing(mode, ctx.ReadBoolByte(), ctx.ReadBoolByte(), ctx.ReadBoolByte()), columns);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        ctx.Writer.Write((byte)_normalizing.Case);
        ctx.Writer.Write(_normalizing.KeepDiacritics);
        ctx.Writer.Write(_normalizing.KeepPunctuations);
        ctx.Writer.Write(_normalizing.KeepNumbers);
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) =>
        TextInputs.Check(source, TextNormalizingEstimator.Expected);

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        DataViewType type = source.Type is VectorDataViewType ? new VectorDataViewType(TextDataViewType.Instance) : TextDataViewType.Instance;
        return new(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type), row => CreateGetter(row, source));
    }

    private Delegate CreateGetter(DataViewRow row, DataViewSchema.Column source)
    {
        var buffer = new StringBuilder();
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<ReadOnlyMemory<char>>(source);
            ReadOnlyMemory<char> text = default;
            return (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) =>
            {
                getter(ref text);
                value = _normalizing.Apply(text, buffer);
            });
        }
        var read = TextInputs.Reader(row, source);
        var texts = new List<ReadOnlyMemory<char>>();
        return (ValueGetter<VBuffer<ReadOnlyMemory<char>>>)((ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            texts.Clear();
            read(texts);
            for (int i = 0; i < texts.Count; i++)
                texts[i] = _normalizing.Apply(texts[i], buffer);
            texts.RemoveAll(t => t.IsEmpty);
            TextInputs.Set(texts, ref value);
        });
    }
}
