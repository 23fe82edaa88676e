using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;
using Microsoft.ML.Transforms.Image;

[assembly: Microsoft.ML.LoadableClass("ImageLoaderTransform", typeof(ImageLoadingTransformer))]

namespace Microsoft.ML.Data;

/// <summary>Reads picture files, or their bytes.</summary>
public sealed class ImageLoadingEstimator : TrivialEstimator<ImageLoadingTransformer>
{
    internal ImageLoadingEstimator(IHostEnvironment env, string imageFolder, bool pictures, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(ImageLoadingEstimator)), new ImageLoadingTransformer(env, ImageLoadingTransformer.Existing(imageFolder), pictures, columns))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) => ImageInputs.Outputs(inputSchema, Transformer.Pairs,
        column => column.ItemType is TextDataViewType && column.Kind == SchemaShape.Column.VectorKind.Scalar ? null : TextDataViewType.Instance.ToString(),
        (i, _) => Transformer.GivesPictures
            ? new SchemaShape.Column(Transformer.Pairs[i].outputColumnName, SchemaShape.Column.VectorKind.Scalar, new ImageDataViewType(), false)
            : new SchemaShape.Column(Transformer.Pairs[i].outputColumnName, SchemaShape.Column.VectorKind.VariableVector, NumberDataViewType.Byte, false));
}

/// <summary>The pictures, or the bytes, of files whose paths a column names, below a folder where one is given. An empty path gives none.</summary>
public sealed class ImageLoadingTransformer : OneToOneTransformerBase
{
    private const uint VersionWithBytes = 0x00010003;

    private static readonly VersionInfo Version =
        new("IMGLOADR", VersionWithBytes, VersionWithBytes, VersionWithBytes, "ImageLoaderTransform", VersionInfo.ImageAssembly);

    public readonly string ImageFolder;

    internal ImageLoadingTransformer(IHostEnvironment env, string imageFolder, bool pictures, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(ImageLoadingTransformer)), columns)
    {
        ImageFolder = imageFolder;
        GivesPictures = pictures;
    }

    internal bool GivesPictures { get; }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    /// <summary>The folder's full path, null for none.</summary>
    internal static string Existing(string folder)
    {
        if (string.IsNullOrEmpty(folder))
            return null;
        return Directory.Exists(folder) ? Path.GetFullPath(folder) : throw new ArgumentException($"Directory \"{folder}\" does not exist.");
    }

    private static ImageLoadingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        string folder = ctx.LoadStringOrNull();
        return new ImageLoadingTransformer(env, folder, ctx.ReadBoolByte(), columns);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        ctx.SaveStringOrNull(ImageFolder);
        ctx.Writer.Write(GivesPictures);
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        if (source.Type is not TextDataViewType)
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, TextDataViewType.Instance.ToString(), source.Type.ToString());
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        DataViewType type = GivesPictures ? new ImageDataViewType() : new VectorDataViewType(NumberDataViewType.Byte);
        return new(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type), row => CreateGetter(row, source));
    }

    private Delegate CreateGetter(DataViewRow row, DataViewSchema.Column source)
    {
        var getter = row.GetGetter<ReadOnlyMemory<char>>(source);
        ReadOnlyMemory<char> text = default;
        if (GivesPictures)
        {
            return (ValueGetter<MLImage>)((ref MLImage value) =>
            {
                getter(ref text);
                value = text.IsEmpty ? null : Load(PathOf(text));
            });
        }
        return (ValueGetter<VBuffer<byte>>)((ref VBuffer<byte> value) =>
        {
            getter(ref text);
            var bytes = text.IsEmpty ? [] : File.ReadAllBytes(PathOf(text));
            VBuffer<byte>.Copy(bytes, 0, ref value, bytes.Length);
        });
    }

    private string PathOf(ReadOnlyMemory<char> text) => string.IsNullOrWhiteSpace(ImageFolder) ? text.ToString() : Path.Combine(ImageFolder, text.ToString());

    private static MLImage Load(string path)
    {
        using var stream = File.OpenRead(path);
        try
        {
            var image = MLImage.CreateFromStream(stream);
            image.Tag = path;
            return image;
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"'{path}' cannot be read as a picture: {e.Message}", e);
        }
    }
}
