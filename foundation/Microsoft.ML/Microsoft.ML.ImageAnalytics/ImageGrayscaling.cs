using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: Microsoft.ML.LoadableClass("ImageGrayscaleTransform", typeof(ImageGrayscalingTransformer))]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Pictures without colour.</summary>
public sealed class ImageGrayscalingEstimator : TrivialEstimator<ImageGrayscalingTransformer>
{
    internal ImageGrayscalingEstimator(IHostEnvironment env, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(ImageGrayscalingEstimator)), new ImageGrayscalingTransformer(env, columns))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) => ImageInputs.Outputs(inputSchema, Transformer.Pairs,
        (i, column) => new SchemaShape.Column(Transformer.Pairs[i].outputColumnName, column.Kind, column.ItemType, column.IsKey, column.Annotations));
}

/// <summary>Pictures without colour: 0.3 red + 0.59 green + 0.11 blue.</summary>
public sealed class ImageGrayscalingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("IMGGRAYT", 0x00010001, 0x00010001, 0x00010001, "ImageGrayscaleTransform", VersionInfo.ImageAssembly);

    internal ImageGrayscalingTransformer(IHostEnvironment env, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(ImageGrayscalingTransformer)), columns)
    {
    }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static ImageGrayscalingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        return new ImageGrayscalingTransformer(env, LoadColumns(ctx));
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) => ImageInputs.Check(source);

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source) =>
        new(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, source.Type), row => ImageInputs.Mapped(row, source, Gray));

    /// <summary>Drawn over black, so that every pixel is opaque.</summary>
    private static MLImage Gray(MLImage image)
    {
        var source = image.BlueFirst();
        var target = Pixels.Create(source.Width, source.Height);
        for (int i = 0; i < source.Bytes.Length; i += Pixels.BytesPerPixel)
        {
            float gray = 0.11f * source.Bytes[i] + 0.59f * source.Bytes[i + 1] + 0.3f * source.Bytes[i + 2];
            target.Bytes.AsSpan(i, 3).Fill((byte)Math.Min(255, (int)MathF.Round(gray)));
            target.Bytes[i + 3] = 255;
        }
        var result = MLImage.Of(target);
        result.Tag = image.Tag;
        return result;
    }
}
