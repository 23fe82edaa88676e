using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: Microsoft.ML.LoadableClass("ImagePixelExtractor", typeof(ImagePixelExtractingTransformer))]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Pictures as vectors.</summary>
public sealed class ImagePixelExtractingEstimator : TrivialEstimator<ImagePixelExtractingTransformer>
{
    internal ImagePixelExtractingEstimator(IHostEnvironment env, params ColumnOptions[] columns)
        : base(env.Register(nameof(ImagePixelExtractingEstimator)), new ImagePixelExtractingTransformer(env, columns))
    {
    }

    /// <summary>Which colours are taken.</summary>
    [Flags]
    public enum ColorBits : byte
    {
        Alpha = 1,
        Red = 2,
        Green = 4,
        Blue = 8,
        Rgb = Red | Green | Blue,
        All = Alpha | Red | Green | Blue,
    }

    /// <summary>How the colours follow one another.</summary>
    public enum ColorsOrder : byte
    {
        ARGB = 1,
        ARBG = 2,
        ABRG = 3,
        ABGR = 4,
        AGRB = 5,
        AGBR = 6,
    }

    /// <summary>How one column becomes a vector.</summary>
    internal sealed record ColumnOptions(string Name, string InputColumnName, ColorBits Colors, ColorsOrder Order, bool Interleaved, float Offset, float Scale, bool AsSingle)
    {
        public ColorPlanes Planes => ColorPlanes.Of(Colors, Order);

        public void Check()
        {
            Contracts.CheckNonEmpty(Name, "name");
            Contracts.CheckParam(ColorPlanes.AreKnown(Colors, Order), "colorsToExtract", "Need to use at least one color plane.");
            Contracts.CheckParam(float.IsFinite(Offset), "offsetImage", $"Must be a finite number, and is {Offset}");
            Contracts.CheckParam(float.IsFinite(Scale) && Scale != 0, "scaleImage", $"Must be a finite number other than 0, and is {Scale}");
        }
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) => ImageInputs.Outputs(inputSchema, Transformer.Pairs, (i, _) =>
        new SchemaShape.Column(Transformer.Pairs[i].outputColumnName, SchemaShape.Column.VectorKind.Vector,
            Transformer.Columns[i].AsSingle ? NumberDataViewType.Single : NumberDataViewType.Byte, false));
}

/// <summary>Pictures of a known size as vectors of (colour − offset) · scale, or of the colours' bytes.</summary>
public sealed class ImagePixelExtractingTransformer : OneToOneTransformerBase
{
    private const uint VersionWithOrder = 0x00010003;

    private static readonly VersionInfo Version =
        new("IMGPXEXT", VersionWithOrder, 0x00010002, 0x00010002, "ImagePixelExtractor", VersionInfo.ImageAssembly);

    internal ImagePixelExtractingTransformer(IHostEnvironment env, params ImagePixelExtractingEstimator.ColumnOptions[] columns)
        : base(env.Register(nameof(ImagePixelExtractingTransformer)), columns.Select(c => (c.Name, c.InputColumnName)).ToArray())
    {
        // Bytes are neither moved nor scaled.
        Columns = columns.Select(c => c.AsSingle ? c : c with { Offset = 0, Scale = 1 }).ToArray();
        foreach (var column in Columns)
            column.Check();
    }

    internal ImagePixelExtractingEstimator.ColumnOptions[] Columns { get; }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static ImagePixelExtractingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        return new ImagePixelExtractingTransformer(env, LoadColumns(ctx).Select(pair =>
        {
            var colors = (ImagePixelExtractingEstimator.ColorBits)ctx.Reader.ReadByte();
            var order = ctx.VersionWritten < VersionWithOrder ? ImagePixelExtractingEstimator.ColorsOrder.ARGB
                : (ImagePixelExtractingEstimator.ColorsOrder)ctx.Reader.ReadByte();
            bool single = ctx.ReadBoolByte();
            float offset = ctx.Reader.ReadSingle(), scale = ctx.Reader.ReadSingle();
            Contracts.CheckDecode(ColorPlanes.AreKnown(colors, order) && float.IsFinite(offset) && float.IsFinite(scale) && scale != 0
                && (single || (offset == 0 && scale == 1)));
            return new ImagePixelExtractingEstimator.ColumnOptions(pair.Item1, pair.Item2, colors, order, ctx.ReadBoolByte(), offset, scale, single);
        }).ToArray());
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (var column in Columns)
        {
            ctx.Writer.Write((byte)column.Colors);
            ctx.Writer.Write((byte)column.Order);
            ctx.Writer.Write(column.AsSingle);
            ctx.Writer.Write(column.Offset);
            ctx.Writer.Write(column.Scale);
            ctx.Writer.Write(column.Interleaved);
        }
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        if (ImageInputs.Check(source) is { Height: 0 })
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, "known-size image", "unknown-size image");
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var options = Columns[pair];
        var image = (ImageDataViewType)source.Type;
        int planes = options.Planes.Count;
        var item = options.AsSingle ? NumberDataViewType.Single : NumberDataViewType.Byte;
        var type = options.Interleaved ? new VectorDataViewType(item, image.Height, image.Width, planes) : new VectorDataViewType(item, planes, image.Height, image.Width);
        return new(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type), row => options.AsSingle
            ? CreateGetter<float>(row, source, image, options, colour => (colour - options.Offset) * options.Scale)
            : CreateGetter<byte>(row, source, image, options, colour => colour));
    }

    private static Delegate CreateGetter<T>(DataViewRow row, DataViewSchema.Column source, ImageDataViewType type,
        ImagePixelExtractingEstimator.ColumnOptions options, Func<byte, T> convert)
    {
        var getter = row.GetGetter<MLImage>(source);
        var planes = options.Planes;
        int pixels = type.Height * type.Width, size = pixels * planes.Count;
        // There are no more colours than this.
        var converted = Enumerable.Range(0, 256).Select(b => convert((byte)b)).ToArray();
        MLImage image = null;
        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            getter(ref image);
            if (image is null)
            {
                value = VBufferEditor.Create(ref value, size, 0).Commit();
                return;
            }
            Contracts.Check(image.Height == type.Height && image.Width == type.Width,
                $"A picture of {image.Width} x {image.Height} stands in a column of pictures of {type.Width} x {type.Height}");
            var editor = VBufferEditor.Create(ref value, size);
            bool blueFirst = image.PixelFormat == MLPixelFormat.Bgra32;
            var bytes = image.Pixels;
            Fill(editor.Values, bytes, planes.Red, blueFirst ? 2 : 0);
            Fill(editor.Values, bytes, planes.Green, 1);
            Fill(editor.Values, bytes, planes.Blue, blueFirst ? 0 : 2);
            Fill(editor.Values, bytes, planes.Alpha, 3);
            value = editor.Commit();
        });

        void Fill(Span<T> target, ReadOnlySpan<byte> bytes, int plane, int channel)
        {
            if (plane < 0)
                return;
            int at = planes.Index(plane, 0, pixels, options.Interleaved), step = options.Interleaved ? planes.Count : 1;
            for (int i = 0; i < pixels; i++, at += step)
                target[at] = converted[bytes[i * Pixels.BytesPerPixel + channel]];
        }
    }
}
