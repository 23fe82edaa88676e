using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Transforms.Image;

namespace Peft.Estimators.Schema;

/// <summary>Reads pictures from a column: paths of files, bytes of files, or <see cref="MLImage"/>.</summary>
public static class ImageColumn
{
    /// <summary>Makes a getter of the picture of the row that a cursor stands on.</summary>
    /// <param name="row">The cursor or row; the column must be active.</param>
    /// <param name="column">A text column of paths, a vector column of bytes (a JPEG, PNG, BMP, GIF or WebP file), or an image column.</param>
    /// <param name="folder">What relative paths are relative to; null for the working directory.</param>
    /// <returns>The picture, or null where the row has none: an empty path, no bytes, or a missing image.</returns>
    /// <exception cref="ArgumentException">The column is of another type.</exception>
    public static Func<RgbImage?> Getter(DataViewRow row, DataViewSchema.Column column, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(row);
        return column.Type switch
        {
            TextDataViewType => OfPaths(row, column, folder ?? ""),
            VectorDataViewType { ItemType: NumberDataViewType { RawType: var item } } when item == typeof(byte) => OfBytes(row, column),
            ImageDataViewType => OfImages(row, column),
            _ => throw new ArgumentException(
                $"The column '{column.Name}' is of type {column.Type}; pictures are read from text (paths), from vectors of bytes, or from images.", nameof(column)),
        };
    }

    private static Func<RgbImage?> OfPaths(DataViewRow row, DataViewSchema.Column column, string folder)
    {
        var getter = row.GetGetter<ReadOnlyMemory<char>>(column);
        ReadOnlyMemory<char> path = default;
        return () =>
        {
            getter(ref path);
            return path.IsEmpty ? null : RgbImage.Load(Path.Combine(folder, path.ToString()));
        };
    }

    private static Func<RgbImage?> OfBytes(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<VBuffer<byte>>(column);
        VBuffer<byte> bytes = default;
        return () =>
        {
            getter(ref bytes);
            return bytes.Length == 0 ? null : RgbImage.Decode(bytes.DenseValues().ToArray(), $"the picture of row {row.Position}");
        };
    }

    private static Func<RgbImage?> OfImages(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<MLImage>(column);
        MLImage? image = null;
        return () =>
        {
            getter(ref image!);
            return image is null ? null : RgbImage.FromPixels(image.Pixels, image.Width, image.Height, image.PixelFormat switch
            {
                MLPixelFormat.Rgba32 => PixelFormat.Rgba32,
                MLPixelFormat.Bgra32 => PixelFormat.Bgra32,
                var other => throw new PeftException($"The image of row {row.Position} in '{column.Name}' has the pixel format {other}; it must be Rgba32 or Bgra32."),
            });
        };
    }
}
