using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Text;

[assembly: Microsoft.ML.LoadableClass("TokenizeTextTransform", typeof(WordTokenizingTransformer))]

namespace Microsoft.ML.Transforms.Text;

/// <summary>Texts cut into words.</summary>
public sealed class WordTokenizingEstimator : TrivialEstimator<WordTokenizingTransformer>
{
    internal const string Expected = "String or Vector of String";

    internal WordTokenizingEstimator(IHostEnvironment env, char[] separators, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(WordTokenizingEstimator)), new WordTokenizingTransformer(env, columns.Select(_ => separators).ToArray(), columns))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) =>
        TextInputs.Outputs(inputSchema, Transformer.Pairs, Expected, _ => SchemaShape.Column.VectorKind.VariableVector);
}

/// <summary>Texts cut into words at single characters; of a vector of texts all words together. Blanks around words and empty words are left out.</summary>
public sealed class WordTokenizingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("WRDTOKNS", 0x00010001, 0x00010001, 0x00010001, "TokenizeTextTransform", VersionInfo.TransformsAssembly);

    private readonly char[][] _separators;

    internal WordTokenizingTransformer(IHostEnvironment env, char[][] separators, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(WordTokenizingTransformer)), columns)
    {
        Contracts.CheckParam(separators.All(s => s.Length > 0), nameof(separators), "At least one separator is needed");
        _separators = separators;
    }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static WordTokenizingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        var separators = columns.Select(_ =>
        {
            var chars = new char[ctx.ReadCount(2)];
            Contracts.CheckDecode(chars.Length > 0);
            for (int i = 0; i < chars.Length; i++)
                chars[i] = (char)ctx.Reader.ReadInt16();
            return chars;
        }).ToArray();
        return new WordTokenizingTransformer(env, separators, columns);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (var separators in _separators)
        {
            ctx.Writer.Write(separators.Length);
            foreach (char c in separators)
                ctx.Writer.Write((short)c);
        }
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) =>
        TextInputs.Check(source, WordTokenizingEstimator.Expected);

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) =>
        new(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, new VectorDataViewType(TextDataViewType.Instance)), row =>
        {
            var read = TextInputs.Reader(row, source);
            var separators = _separators[pair];
            var texts = new List<ReadOnlyMemory<char>>();
            var words = new List<ReadOnlyMemory<char>>();
            return (ValueGetter<VBuffer<ReadOnlyMemory<char>>>)((ref VBuffer<ReadOnlyMemory<char>> value) =>
            {
                texts.Clear();
                words.Clear();
                read(texts);
                foreach (var text in texts)
                    AddWords(text, separators, words);
                TextInputs.Set(words, ref value);
            });
        });

    private static void AddWords(ReadOnlyMemory<char> text, char[] separators, List<ReadOnlyMemory<char>> words)
    {
        while (!text.IsEmpty)
        {
            int end = text.Span.IndexOfAny(separators);
            var word = (end < 0 ? text : text[..end]).Trim(' ');
            if (!word.IsEmpty)
                words.Add(word);
            text = end < 0 ? default : text[(end + 1)..];
        }
    }
}
