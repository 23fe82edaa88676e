using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: Microsoft.ML.LoadableClass("ImageScalerTransform", typeof(ImageResizingTransformer))]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Pictures in one size.</summary>
public sealed class ImageResizingEstimator : TrivialEstimator<ImageResizingTransformer>
{
    internal ImageResizingEstimator(IHostEnvironment env, params ColumnOptions[] columns)
        : base(env.Register(nameof(ImageResizingEstimator)), new ImageResizingTransformer(env, columns))
    {
    }

    /// <summary>What is done where the sides have other proportions.</summary>
    public enum ResizingKind : byte
    {
        IsoPad = 0,
        IsoCrop = 1,
        Fill = 2,
    }

    /// <summary>Which part of a picture stays when it is cropped.</summary>
    public enum Anchor : byte
    {
        Right = 0,
        Left = 1,
        Top = 2,
        Bottom = 3,
        Center = 4,
    }

    /// <summary>How one column is resized.</summary>
    internal sealed record ColumnOptions(string Name, string InputColumnName, int Width, int Height, ResizingKind Kind, Anchor Crop)
    {
        public ImageDataViewType Type => new(Height, Width);

        public void Check()
        {
            Contracts.CheckNonEmpty(Name, "name");
            Contracts.CheckParam(Width > 0, "imageWidth", $"Must be positive, and is {Width}");
            Contracts.CheckParam(Height > 0, "imageHeight", $"Must be positive, and is {Height}");
            Contracts.CheckParam(Enum.IsDefined(Kind), "resizing", "Unknown kind of resizing");
            Contracts.CheckParam(Enum.IsDefined(Crop), "cropAnchor", "Unknown anchor");
        }
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) => ImageInputs.Outputs(inputSchema, Transformer.Pairs,
        (i, _) => new SchemaShape.Column(Transformer.Pairs[i].outputColumnName, SchemaShape.Column.VectorKind.Scalar, Transformer.Columns[i].Type, false));
}

/// <summary>Pictures in one size.</summary>
public sealed class ImageResizingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("IMGSCALF", 0x00010003, 0x00010003, 0x00010003, "ImageScalerTransform", VersionInfo.ImageAssembly);

    internal ImageResizingTransformer(IHostEnvironment env, params ImageResizingEstimator.ColumnOptions[] columns)
        : base(env.Register(nameof(ImageResizingTransformer)), columns.Select(c => (c.Name, c.InputColumnName)).ToArray())
    {
        foreach (var column in columns)
            column.Check();
        Columns = columns;
    }

    internal ImageResizingEstimator.ColumnOptions[] Columns { get; }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static ImageResizingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        return new ImageResizingTransformer(env, LoadColumns(ctx).Select(pair =>
        {
            int width = ctx.Reader.ReadInt32(), height = ctx.Reader.ReadInt32();
            var kind = (ImageResizingEstimator.ResizingKind)ctx.Reader.ReadByte();
            var anchor = (ImageResizingEstimator.Anchor)ctx.Reader.ReadByte();
            Contracts.CheckDecode(width > 0 && height > 0 && (long)width * height <= int.MaxValue / 4 && Enum.IsDefined(kind) && Enum.IsDefined(anchor));
            return new ImageResizingEstimator.ColumnOptions(pair.Item1, pair.Item2, width, height, kind, anchor);
        }).ToArray());
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (var column in Columns)
        {
            ctx.Writer.Write(column.Width);
            ctx.Writer.Write(column.Height);
            ctx.Writer.Write((byte)column.Kind);
            ctx.Writer.Write((byte)column.Crop);
        }
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) => ImageInputs.Check(source);

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) =>
        new(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, Columns[pair].Type),
            row => ImageInputs.Mapped(row, source, image => Resized(image, Columns[pair])));

    private static MLImage Resized(MLImage image, ImageResizingEstimator.ColumnOptions options)
    {
        if (image.Width == options.Width && image.Height == options.Height)
            return image;
        var source = image.BlueFirst();
        var pixels = options.Kind switch
        {
            ImageResizingEstimator.ResizingKind.Fill => Resampling.Nearest(source, options.Width, options.Height),
            ImageResizingEstimator.ResizingKind.IsoPad =>
                Resampling.Draw(source, options.Width, options.Height, Resampling.Padded(source, options.Width, options.Height)),
            _ => Resampling.Draw(source, options.Width, options.Height,
                Resampling.Cropped(source, options.Width, options.Height, AnchorX(options.Crop), AnchorY(options.Crop))),
        };
        var resized = MLImage.Of(pixels);
        resized.Tag = image.Tag;
        return resized;
    }

    private static float AnchorX(ImageResizingEstimator.Anchor anchor) => anchor switch
    {
        ImageResizingEstimator.Anchor.Left => 0,
        ImageResizingEstimator.Anchor.Right => 1,
        _ => 0.5f,
    };

    private static float AnchorY(ImageResizingEstimator.Anchor anchor) => anchor switch
    {
        ImageResizingEstimator.Anchor.Top => 0,
        ImageResizingEstimator.Anchor.Bottom => 1,
        _ => 0.5f,
    };
}
