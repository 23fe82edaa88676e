using System.IO.Compression;
using System.Reflection;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Models: saved, loaded, used on one object at a time.</summary>
public sealed class ModelOperationsCatalog
{
    private const string ChainFolder = "TransformerChain";
    private const string SchemaEntry = "Schema";

    private readonly IHostEnvironment _env;

    internal ModelOperationsCatalog(IHostEnvironment env)
    {
        Contracts.CheckValue(env, nameof(env));
        _env = env;
    }

    public void Save<TSource>(ITransformer model, IDataLoader<TSource> loader, Stream stream)
    {
        Contracts.CheckValue(loader, nameof(loader));
        Contracts.CheckValue(stream, nameof(stream));
        Write(stream, zip => ModelSaveContext.SaveModel(zip,
            new CompositeDataLoader<TSource, ITransformer>(loader, model is null ? null : new TransformerChain<ITransformer>(model)), ""));
    }

    public void Save<TSource>(ITransformer model, IDataLoader<TSource> loader, string filePath)
    {
        Contracts.CheckNonEmpty(filePath, nameof(filePath));
        using var stream = File.Create(filePath);
        Save(model, loader, stream);
    }

    public void Save(ITransformer model, DataViewSchema inputSchema, Stream stream)
    {
        Contracts.CheckValue(stream, nameof(stream));
        Write(stream, zip =>
        {
            if (model is not null)
                ModelSaveContext.SaveModel(zip, model, ChainFolder);
            if (inputSchema is not null)
            {
                using var entry = zip.CreateEntry(SchemaEntry).Open();
                DataViewFile.Write(new EmptyView(inputSchema), entry);
            }
        });
    }

    public void Save(ITransformer model, DataViewSchema inputSchema, string filePath)
    {
        Contracts.CheckNonEmpty(filePath, nameof(filePath));
        using var stream = File.Create(filePath);
        Save(model, inputSchema, stream);
    }

    /// <summary>The archive is built in memory: a step that fails leaves nothing half written.</summary>
    private static void Write(Stream stream, Action<ZipArchive> write)
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            using (var text = new StreamWriter(zip.CreateEntry("TrainingInfo/Version.txt").Open()) { NewLine = "\n" })
                text.WriteLine(Version());
            write(zip);
        }
        buffer.WriteTo(stream);
    }

    private static string Version() =>
        typeof(ModelOperationsCatalog).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    public ITransformer Load(Stream stream, out DataViewSchema inputSchema)
    {
        Contracts.CheckValue(stream, nameof(stream));
        using var zip = Open(stream);
        if (ModelLoadContext.FindEntry(zip, SchemaEntry) is { } entry)
        {
            inputSchema = DataViewFile.Read(ModelLoadContext.ReadAll(entry)).Schema;
            return LoadAt<ITransformer>(zip, ChainFolder) ?? throw Contracts.ExceptDecode();
        }
        if (LoadAt<IDataLoader<IMultiStreamSource>>(zip, "") is { } loader)
        {
            if (loader is CompositeDataLoader<IMultiStreamSource, ITransformer> composite)
            {
                inputSchema = composite.Loader.GetOutputSchema();
                return Single(composite.Transformer);
            }
            inputSchema = loader.GetOutputSchema();
            return new TransformerChain<ITransformer>();
        }
        inputSchema = null;
        return LoadAt<ITransformer>(zip, ChainFolder) ?? throw Contracts.Except(
            Contracts.Except("Repository doesn't contain entry DataLoaderModel/Model.key"), "Could not load legacy format model");
    }

    public ITransformer Load(string filePath, out DataViewSchema inputSchema)
    {
        Contracts.CheckNonEmpty(filePath, nameof(filePath));
        using var stream = File.OpenRead(filePath);
        return Load(stream, out inputSchema);
    }

    public ITransformer LoadWithDataLoader(Stream stream, out IDataLoader<IMultiStreamSource> loader)
    {
        Contracts.CheckValue(stream, nameof(stream));
        using var zip = Open(stream);
        loader = LoadAt<IDataLoader<IMultiStreamSource>>(zip, "") ?? throw Contracts.Except(Contracts.ExceptDecode(),
            "Model does not contain an IDataLoader. Perhaps this was saved with an DataViewSchema, or even no information on its input at all. Consider using the Load method instead.");
        if (loader is CompositeDataLoader<IMultiStreamSource, ITransformer> composite)
        {
            loader = composite.Loader;
            return Single(composite.Transformer);
        }
        return new TransformerChain<ITransformer>();
    }

    public ITransformer LoadWithDataLoader(string filePath, out IDataLoader<IMultiStreamSource> loader)
    {
        Contracts.CheckNonEmpty(filePath, nameof(filePath));
        using var stream = File.OpenRead(filePath);
        return LoadWithDataLoader(stream, out loader);
    }

    private static ITransformer Single(TransformerChain<ITransformer> chain) => chain.Count() == 1 ? chain.Single() : chain;

    private static ZipArchive Open(Stream stream)
    {
        try
        {
            return new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        }
        catch (InvalidDataException e)
        {
            throw new FormatException("Failed to open a zip archive", e);
        }
    }

    private T LoadAt<T>(ZipArchive zip, string folder) where T : class
    {
        try
        {
            using var context = ModelLoadContext.OpenOrNull(zip, folder);
            return context?.Create<T>(_env);
        }
        catch (InvalidDataException e)
        {
            throw new FormatException("Corrupt model file", e);
        }
    }

    public PredictionEngine<TSrc, TDst> CreatePredictionEngine<TSrc, TDst>(ITransformer transformer, bool ignoreMissingColumns = true,
        SchemaDefinition inputSchemaDefinition = null, SchemaDefinition outputSchemaDefinition = null) where TSrc : class where TDst : class, new() =>
        new(transformer, new PredictionEngineOptions
        {
            IgnoreMissingColumns = ignoreMissingColumns,
            InputSchemaDefinition = inputSchemaDefinition,
            OutputSchemaDefinition = outputSchemaDefinition,
        });

    public PredictionEngine<TSrc, TDst> CreatePredictionEngine<TSrc, TDst>(ITransformer transformer, DataViewSchema inputSchema)
        where TSrc : class where TDst : class, new()
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        var definition = SchemaDefinition.Create(typeof(TSrc), SchemaDefinition.Direction.Read);
        // The schema may know more than the class: sizes, keys and their values.
        foreach (var column in inputSchema)
        {
            if (column.IsHidden || definition[column.Name] is not { } own)
                continue;
            own.ColumnType = column.Type;
            own.SetAnnotations(column.Annotations);
        }
        return new(transformer, new PredictionEngineOptions { InputSchemaDefinition = definition });
    }

    public PredictionEngine<TSrc, TDst> CreatePredictionEngine<TSrc, TDst>(ITransformer transformer, PredictionEngineOptions options)
        where TSrc : class where TDst : class, new()
    {
        Contracts.CheckValue(options, nameof(options));
        return new(transformer, options);
    }
}
