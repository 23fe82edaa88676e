using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("TextLoader", typeof(TextLoader))]

namespace Microsoft.ML.Data;

/// <summary>Loads rows from text files.</summary>
public sealed partial class TextLoader : IDataLoader<IMultiStreamSource>
{
    private readonly TextFormat _format;
    private readonly TextColumns _columns;

    internal TextLoader(IHostEnvironment env, Options options, IMultiStreamSource dataSample)
    {
        Contracts.CheckValue(env, nameof(env));
        env.Register(nameof(TextLoader));
        options ??= new Options();
        dataSample ??= new MultiFileSource();
        IMultiStreamSource headerFile = string.IsNullOrWhiteSpace(options.HeaderFile) ? null : new MultiFileSource(options.HeaderFile);
        var columns = options.Columns;
        if (columns is not { Length: > 0 })
            columns = EmbeddedSchema.TryRead(headerFile ?? dataSample, ref options) ?? DefaultColumns();
        _format = TextFormat.Create(options, hasHeader: headerFile is null && options.HasHeader);
        _columns = TextColumns.Create(columns, _format, headerFile, dataSample);
    }

    private TextLoader(TextFormat format, TextColumns columns)
    {
        _format = format;
        _columns = columns;
    }

    /// <summary>Where nothing is said: the first field is the label, the others are features.</summary>
    private static Column[] DefaultColumns() =>
        [new Column("Label", DataKind.Single, 0), new Column("Features", DataKind.Single, [new Range(1, null)])];

    internal static TextLoader CreateTyped<TInput>(IHostEnvironment env, Options options, IMultiStreamSource dataSample)
    {
        options ??= new Options();
        options.Columns = TypedColumns.Of(typeof(TInput));
        return new TextLoader(env, options, dataSample);
    }

    public DataViewSchema GetOutputSchema() => _columns.Schema;

    public IDataView Load(IMultiStreamSource source) => new TextView(_format, _columns, source);

    private static TextLoader Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(TextFormat.Version);
        var format = TextFormat.Load(ctx);
        return new TextLoader(format, TextColumns.Load(ctx, format));
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(TextFormat.Version);
        _format.Save(ctx);
        _columns.Save(ctx);
    }
}
