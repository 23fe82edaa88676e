using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: Microsoft.ML.LoadableClass("VectorToImageConverter", typeof(VectorToImageConvertingTransformer))]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Vectors as pictures.</summary>
public sealed class VectorToImageConvertingEstimator : TrivialEstimator<VectorToImageConvertingTransformer>
{
    internal VectorToImageConvertingEstimator(IHostEnvironment env, params ColumnOptions[] columns)
        : base(env.Register(nameof(VectorToImageConvertingEstimator)), new VectorToImageConvertingTransformer(env, columns))
    {
    }

    /// <summary>How one column becomes pictures.</summary>
    internal sealed record ColumnOptions(string Name, string InputColumnName, int Height, int Width, ImagePixelExtractingEstimator.ColorBits Colors,
        ImagePixelExtractingEstimator.ColorsOrder Order, bool Interleaved, float Scale, float Offset, int Alpha, int Red, int Green, int Blue)
    {
        public ColorPlanes Planes => ColorPlanes.Of(Colors, Order);

        public ImageDataViewType Type => new(Height, Width);

        public void Check()
        {
            Contracts.CheckNonEmpty(Name, "name");
            Contracts.CheckParam(ColorPlanes.AreKnown(Colors, Order), "colorsPresent", "Need to use at least one color plane");
            Contracts.CheckParam(Width > 0, "imageWidth", "Image width must be greater than zero");
            Contracts.CheckParam(Height > 0, "imageHeight", "Image height must be greater than zero");
            Contracts.CheckParam(float.IsFinite(Offset), "offsetImage", $"Must be a finite number, and is {Offset}");
            Contracts.CheckParam(float.IsFinite(Scale) && Scale != 0, "scaleImage", $"Must be a finite number other than 0, and is {Scale}");
        }
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) => ImageInputs.Outputs(inputSchema, Transformer.Pairs,
        column => column.Kind == SchemaShape.Column.VectorKind.Vector && VectorToImageConvertingTransformer.CanConvert(column.ItemType) ? null
            : "known-size vector of type Single, Double or Byte",
        (i, _) => new SchemaShape.Column(Transformer.Pairs[i].outputColumnName, SchemaShape.Column.VectorKind.Scalar, Transformer.Columns[i].Type, false));
}

/// <summary>Vectors as pictures: colours are value · scale − offset, and those that a vector does not hold have a value of their own.</summary>
public sealed class VectorToImageConvertingTransformer : OneToOneTransformerBase
{
    private const uint VersionWithOrder = 0x00010003;

    private static readonly VersionInfo Version =
        new("VECTOIMG", VersionWithOrder, 0x00010002, VersionWithOrder, "VectorToImageConverter", VersionInfo.ImageAssembly);

    internal VectorToImageConvertingTransformer(IHostEnvironment env, params VectorToImageConvertingEstimator.ColumnOptions[] columns)
        : base(env.Register(nameof(VectorToImageConvertingTransformer)), columns.Select(c => (c.Name, c.InputColumnName)).ToArray())
    {
        foreach (var column in columns)
            column.Check();
        Columns = columns;
    }

    internal VectorToImageConvertingEstimator.ColumnOptions[] Columns { get; }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    internal static bool CanConvert(DataViewType item) =>
        item.Equals(NumberDataViewType.Single) || item.Equals(NumberDataViewType.Double) || item.Equals(NumberDataViewType.Byte);

    private static VectorToImageConvertingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        return new VectorToImageConvertingTransformer(env, LoadColumns(ctx).Select(pair =>
        {
            var r = ctx.Reader;
            var colors = (ImagePixelExtractingEstimator.ColorBits)r.ReadByte();
            var order = (ImagePixelExtractingEstimator.ColorsOrder)r.ReadByte();
            int width = r.ReadInt32(), height = r.ReadInt32();
            float offset = r.ReadSingle(), scale = r.ReadSingle();
            bool interleaved = ctx.ReadBoolByte();
            Contracts.CheckDecode(ColorPlanes.AreKnown(colors, order) && width > 0 && height > 0 && (long)width * height <= int.MaxValue / 4
                && float.IsFinite(offset) && float.IsFinite(scale) && scale != 0);
            return new VectorToImageConvertingEstimator.ColumnOptions(pair.Item1, pair.Item2, height, width, colors, order, interleaved, scale, offset,
                r.ReadInt32(), r.ReadInt32(), r.ReadInt32(), r.ReadInt32());
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
            ctx.Writer.Write(column.Width);
            ctx.Writer.Write(column.Height);
            ctx.Writer.Write(column.Offset);
            ctx.Writer.Write(column.Scale);
            ctx.Writer.Write(column.Interleaved);
            ctx.Writer.Write(column.Alpha);
            ctx.Writer.Write(column.Red);
            ctx.Writer.Write(column.Green);
            ctx.Writer.Write(column.Blue);
        }
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var options = Columns[pair];
        if (source.Type is not VectorDataViewType vector || !CanConvert(vector.ItemType))
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, "known-size vector of type Single, Double or Byte", source.Type.ToString());
        if (vector.Size != (long)options.Height * options.Width * options.Planes.Count)
        {
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name,
                new VectorDataViewType(vector.ItemType, options.Height, options.Width, options.Planes.Count).ToString(), vector.ToString());
        }
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) =>
        new(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, Columns[pair].Type), row =>
        {
            var item = ((VectorDataViewType)source.Type).ItemType;
            return item.Equals(NumberDataViewType.Byte) ? CreateGetter<byte>(row, source, Columns[pair], v => v, scaled: false)
                : item.Equals(NumberDataViewType.Single) ? CreateGetter<float>(row, source, Columns[pair], v => v, scaled: true)
                : CreateGetter<double>(row, source, Columns[pair], v => (float)v, scaled: true);
        });

    private static Delegate CreateGetter<T>(DataViewRow row, DataViewSchema.Column source, VectorToImageConvertingEstimator.ColumnOptions options,
        Func<T, float> toSingle, bool scaled)
    {
        var getter = row.GetGetter<VBuffer<T>>(source);
        var planes = options.Planes;
        int pixels = options.Height * options.Width;
        scaled &= options.Offset != 0 || options.Scale != 1;
        VBuffer<T> vector = default;
        return (ValueGetter<MLImage>)((ref MLImage value) =>
        {
            getter(ref vector);
            if (vector.GetValues().Length == 0)
            {
                value = null;
                return;
            }
            VBuffer<T> dense = default;
            vector.CopyToDense(ref dense);
            var bytes = new byte[pixels * Pixels.BytesPerPixel];
            Fill(dense.GetValues(), bytes, planes.Blue, 0, options.Blue);
            Fill(dense.GetValues(), bytes, planes.Green, 1, options.Green);
            Fill(dense.GetValues(), bytes, planes.Red, 2, options.Red);
            // Scaled pictures without an alpha plane are transparent: so is it in the real library.
            if (!scaled || planes.Alpha >= 0)
                Fill(dense.GetValues(), bytes, planes.Alpha, 3, options.Alpha);
            value = Finish(bytes);
        });

        MLImage Finish(byte[] bytes)
        {
            var image = MLImage.CreateFromPixels(options.Width, options.Height, MLPixelFormat.Bgra32, bytes);
            image.Tag = nameof(VectorToImageConvertingTransformer);
            return image;
        }

        void Fill(ReadOnlySpan<T> values, byte[] bytes, int plane, int channel, int otherwise)
        {
            for (int i = 0; i < pixels; i++)
            {
                float colour = plane < 0 ? otherwise : toSingle(values[planes.Index(plane, i, pixels, options.Interleaved)]);
                bytes[i * Pixels.BytesPerPixel + channel] = (byte)(scaled ? Math.Round(colour * options.Scale - options.Offset) : colour);
            }
        }
    }
}
