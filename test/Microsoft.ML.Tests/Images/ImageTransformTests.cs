using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace FoundationTests.Images;

/// <summary>Transforms of pictures, and the same after they were saved and loaded.</summary>
[TestClass]
public sealed class ImageTransformTests
{
    public sealed class PathRow
    {
        public string Path { get; set; } = "";
    }

    public sealed class PictureRow
    {
        [ImageType(3, 4)] public MLImage Picture { get; set; } = null!;
    }

    public sealed class AnyPictureRow
    {
        [ImageType] public MLImage Picture { get; set; } = null!;
    }

    public sealed class VectorRow
    {
        [VectorType(36)] public float[] Vector { get; set; } = [];
    }

    /// <summary>Byte c of the pixel at x, y is 10 y + x + 50 c; alpha is 255.</summary>
    private static MLImage Numbered(int width = 4, int height = 3, MLPixelFormat format = MLPixelFormat.Bgra32)
    {
        var bytes = new byte[width * height * 4];
        for (int i = 0; i < bytes.Length; i++)
        {
            int pixel = i / 4, c = i % 4, x = pixel % width, y = pixel / width;
            bytes[i] = (byte)(c == 3 ? 255 : 10 * y + x + 50 * (format == MLPixelFormat.Bgra32 ? c : 2 - c));
        }
        return MLImage.CreateFromPixels(width, height, format, bytes);
    }

    private static IDataView Data(MLContext ml, params MLImage[] images) => ml.Data.LoadFromEnumerable(images.Select(i => new PictureRow { Picture = i }));

    /// <summary>The column after the estimator, by the fitted transformer and by the one that was saved and loaded: they must agree.</summary>
    private static T[] Apply<T>(IEstimator<ITransformer> estimator, IDataView data, string column)
    {
        var ml = new MLContext(1);
        var model = estimator.Fit(data);
        var values = model.Transform(data).GetColumn<T>(column).ToArray();
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = ml.Model.Load(stream, out _);
        if (!model.GetType().IsGenericType)
            Assert.AreEqual(model.GetType(), loaded.GetType());
        Assert.AreEqual(model.GetOutputSchema(data.Schema)[column].Type, loaded.GetOutputSchema(data.Schema)[column].Type);
        var again = loaded.Transform(data).GetColumn<T>(column).ToArray();
        CollectionAssert.AreEqual(values.Select(Shown).ToArray(), again.Select(Shown).ToArray());
        return values;
    }

    private static string Shown<T>(T value) => value switch
    {
        MLImage image => Convert.ToHexString(image.Pixels),
        Array array => string.Join(' ', array.Cast<object>()),
        null => "none",
        _ => value.ToString()!,
    };

    [TestMethod]
    public void Pixels_in_planes_side_by_side_and_scaled()
    {
        var ml = new MLContext(1);
        foreach (var format in new[] { MLPixelFormat.Bgra32, MLPixelFormat.Rgba32 })
        {
            var data = Data(ml, Numbered(format: format));
            float[] planes = Apply<float[]>(ml.Transforms.ExtractPixels("V", "Picture"), data, "V")[0];
            Assert.HasCount(36, planes);
            // Red, green, blue; the first row of red is 100, 101, 102, 103.
            CollectionAssert.AreEqual(new float[] { 100, 101, 102, 103, 110 }, planes[..5]);
            Assert.AreEqual(50, planes[12]);
            Assert.AreEqual(23, planes[35]);
            float[] interleaved = Apply<float[]>(ml.Transforms.ExtractPixels("V", "Picture", ImagePixelExtractingEstimator.ColorBits.All,
                ImagePixelExtractingEstimator.ColorsOrder.ABGR, interleavePixelColors: true, offsetImage: 5, scaleImage: 2), data, "V")[0];
            CollectionAssert.AreEqual(new float[] { 500, -10, 90, 190, 500, -8, 92, 192 }, interleaved[..8]);
            byte[] bytes = Apply<byte[]>(ml.Transforms.ExtractPixels("V", "Picture", ImagePixelExtractingEstimator.ColorBits.Green, outputAsFloatArray: false), data, "V")[0];
            CollectionAssert.AreEqual(new byte[] { 50, 51, 52, 53, 60, 61, 62, 63, 70, 71, 72, 73 }, bytes);
        }
        var type = ml.Transforms.ExtractPixels("V", "Picture").Fit(Data(ml, Numbered())).GetOutputSchema(Data(ml).Schema)["V"].Type;
        Assert.AreEqual("Vector<Single, 3, 3, 4>", type.ToString());
    }

    [TestMethod]
    public void A_vector_becomes_the_picture_it_came_from()
    {
        var ml = new MLContext(1);
        var image = Numbered();
        var both = ml.Transforms.ExtractPixels("V", "Picture", interleavePixelColors: true)
            .Append(ml.Transforms.ConvertToImage(3, 4, "Back", "V", interleavedColors: true));
        CollectionAssert.AreEqual(image.Pixels.ToArray(), Apply<MLImage>(both, Data(ml, image), "Back")[0].Pixels.ToArray());
        var rows = ml.Data.LoadFromEnumerable(new[] { new VectorRow { Vector = Enumerable.Range(0, 36).Select(i => i / 2f).ToArray() } });
        var scaled = Apply<MLImage>(ml.Transforms.ConvertToImage(6, 6, "Image", "Vector", ImagePixelExtractingEstimator.ColorBits.Green, scaleImage: 2, offsetImage: -1,
            defaultRed: 20, defaultBlue: 30), rows, "Image")[0];
        // Values that are missing are scaled like those that are there.
        CollectionAssert.AreEqual(new byte[] { 61, 1, 41, 0, 61, 2, 41, 0 }, scaled.Pixels[..8].ToArray());
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ConvertToImage(4, 4, "Image", "Vector").Fit(rows));
        Assert.Contains("expected Vector<Single, 4, 4, 3>, got Vector<Single, 36>", error.Message);
    }

    [TestMethod]
    public void Gray_is_three_tenths_red_and_so_on()
    {
        var ml = new MLContext(1);
        var gray = Apply<MLImage>(ml.Transforms.ConvertToGrayscale("G", "Picture"), Data(ml, Numbered()), "G")[0];
        double expected = 0.3 * 112 + 0.59 * 62 + 0.11 * 12;
        CollectionAssert.AreEqual(new[] { Math.Round(expected), Math.Round(expected), Math.Round(expected), 255.0 }, gray.Pixels.Slice(4 * 6, 4).ToArray().Select(b => (double)b).ToArray());
    }

    [TestMethod]
    public void Filling_takes_the_nearest_pixel()
    {
        var ml = new MLContext(1);
        var image = Apply<MLImage>(ml.Transforms.ResizeImages("R", 8, 6, "Picture", ImageResizingEstimator.ResizingKind.Fill), Data(ml, Numbered()), "R")[0];
        Assert.AreEqual((8, 6), (image.Width, image.Height));
        CollectionAssert.AreEqual(new byte[] { 0, 0, 1, 1, 2, 2, 3, 3 }, Enumerable.Range(0, 8).Select(x => image.Pixels[4 * x]).ToArray());
        CollectionAssert.AreEqual(new byte[] { 0, 0, 10, 10, 20, 20 }, Enumerable.Range(0, 6).Select(y => image.Pixels[4 * 8 * y]).ToArray());
    }

    [TestMethod]
    public void Padding_leaves_borders_and_cropping_cuts_at_the_anchor()
    {
        var ml = new MLContext(1);
        // 4 x 3 into 8 x 10: 8 x 6 in the middle, two rows of nothing above and below.
        var padded = Apply<MLImage>(ml.Transforms.ResizeImages("R", 8, 10, "Picture", ImageResizingEstimator.ResizingKind.IsoPad), Data(ml, Numbered()), "R")[0];
        for (int y = 0; y < 10; y++)
            Assert.AreEqual(y is >= 2 and < 8 ? 255 : 0, padded.Pixels[4 * (8 * y + 3) + 3], $"alpha of row {y}");
        // 4 x 3 over 3 x 3: one column is cut off. Mitchell's cubic gives each neighbour 1/18 even where nothing is scaled, which shows at the edges only.
        MLImage Crop(int width, int height, ImageResizingEstimator.Anchor anchor, MLImage image) => Apply<MLImage>(
            ml.Transforms.ResizeImages("R", width, height, "Picture", ImageResizingEstimator.ResizingKind.IsoCrop, anchor), Data(ml, image), "R")[0];
        CollectionAssert.AreEqual(new byte[] { 3, 60, 120 }, FirstRow(Crop(3, 3, ImageResizingEstimator.Anchor.Left, Steps(60, 0))));
        CollectionAssert.AreEqual(new byte[] { 60, 120, 177 }, FirstRow(Crop(3, 3, ImageResizingEstimator.Anchor.Right, Steps(60, 0))));
        Assert.AreEqual(3, Crop(4, 2, ImageResizingEstimator.Anchor.Top, Steps(0, 60)).Pixels[0]);
        Assert.AreEqual(60, Crop(4, 2, ImageResizingEstimator.Anchor.Bottom, Steps(0, 60)).Pixels[0]);
        var same = Numbered();
        Assert.AreSame(same, ml.Transforms.ResizeImages("R", 4, 3, "Picture").Fit(Data(ml, same)).Transform(Data(ml, same)).GetColumn<MLImage>("R").Single());
    }

    /// <summary>4 x 3 of gray that grows by so much with each column and row.</summary>
    private static MLImage Steps(int across, int down)
    {
        var bytes = new byte[4 * 3 * 4];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(i % 4 == 3 ? 255 : across * (i / 4 % 4) + down * (i / 16));
        return MLImage.CreateFromPixels(4, 3, MLPixelFormat.Bgra32, bytes);
    }

    private static byte[] FirstRow(MLImage image) => Enumerable.Range(0, image.Width).Select(x => image.Pixels[4 * x]).ToArray();

    /// <summary>A plane stays a plane: every way of interpolating keeps a linear gradient in the middle, and a constant everywhere.</summary>
    [TestMethod]
    [DataRow(40, 40)]
    [DataRow(7, 7)]
    [DataRow(3, 3)]
    public void Interpolation_keeps_gradients_and_constants(int width, int height)
    {
        var ml = new MLContext(1);
        var bytes = new byte[16 * 16 * 4];
        for (int i = 0; i < 256; i++)
            (bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]) = ((byte)(i % 16 * 12 + 20), 77, (byte)(i / 16 * 9 + 40), 255);
        var data = ml.Data.LoadFromEnumerable(new[] { new AnyPictureRow { Picture = MLImage.CreateFromPixels(16, 16, MLPixelFormat.Bgra32, bytes) } });
        var image = Apply<MLImage>(ml.Transforms.ResizeImages("R", width, height, "Picture", ImageResizingEstimator.ResizingKind.IsoPad), data, "R")[0];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double atX = (x + 0.5) * 16 / width - 0.5, atY = (y + 0.5) * 16 / height - 0.5;
                var pixel = image.Pixels.Slice(4 * (y * width + x), 4);
                Assert.AreEqual(77, pixel[1]);
                Assert.AreEqual(255, pixel[3]);
                if (atX is < 2 or > 13 || atY is < 2 or > 13)
                    continue;
                Assert.AreEqual(atX * 12 + 20, pixel[0], 1.01);
                Assert.AreEqual(atY * 9 + 40, pixel[2], 1.01);
            }
        }
    }

    [TestMethod]
    public void Pictures_and_bytes_are_loaded_from_a_folder()
    {
        string folder = Directory.CreateTempSubdirectory("pictures-").FullName;
        try
        {
            foreach (var (name, picture) in PictureTests.All)
                File.WriteAllBytes(Path.Combine(folder, name), picture.Bytes);
            var ml = new MLContext(1);
            var data = ml.Data.LoadFromEnumerable(new[] { new PathRow { Path = "jpeg" }, new PathRow { Path = "" }, new PathRow { Path = "bmp-8" } });
            var images = Apply<MLImage>(ml.Transforms.LoadImages("Image", folder, "Path"), data, "Image");
            Assert.IsNull(images[1]);
            Assert.AreEqual((14, 10), (images[0].Width, images[0].Height));
            Assert.AreEqual(Path.Combine(folder, "jpeg"), images[0].Tag);
            var bytes = Apply<byte[]>(ml.Transforms.LoadRawImageBytes("Bytes", folder, "Path"), data, "Bytes");
            CollectionAssert.AreEqual(PictureTests.All["jpeg"].Bytes, bytes[0]);
            Assert.IsEmpty(bytes[1]);
            var pipeline = ml.Transforms.LoadImages("Image", folder, "Path").Append(ml.Transforms.ResizeImages("Small", 6, 6, "Image"))
                .Append(ml.Transforms.ExtractPixels("V", "Small"));
            var vectors = Apply<float[]>(pipeline, ml.Data.TakeRows(data, 1), "V");
            Assert.HasCount(108, vectors[0]);
            var missing = ml.Data.LoadFromEnumerable(new[] { new PathRow { Path = "nothing.png" } });
            Assert.Throws<Exception>(() => ml.Transforms.LoadImages("Image", folder, "Path").Fit(missing).Transform(missing).GetColumn<MLImage>("Image").ToArray());
            Assert.Contains("does not exist", Assert.ThrowsExactly<ArgumentException>(() => ml.Transforms.LoadImages("Image", folder + "/none", "Path")).Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Types_and_wrong_columns()
    {
        Assert.AreEqual("Image", new ImageDataViewType().ToString());
        Assert.AreEqual("Image<3, 4>", new ImageDataViewType(3, 4).ToString());
        Assert.AreEqual<DataViewType>(new ImageDataViewType(3, 4), new ImageDataViewType(3, 4));
        Assert.AreNotEqual<DataViewType>(new ImageDataViewType(3, 4), new ImageDataViewType());
        var ml = new MLContext(1);
        var any = ml.Data.LoadFromEnumerable(new[] { new AnyPictureRow { Picture = Numbered() } });
        Assert.AreEqual("Image", any.Schema["Picture"].Type.ToString());
        Assert.Contains("expected known-size image, got unknown-size image",
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ExtractPixels("V", "Picture").Fit(any)).Message);
        var paths = ml.Data.LoadFromEnumerable(new[] { new PathRow() });
        Assert.Contains("expected image, got String", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ConvertToGrayscale("G", "Path").Fit(paths)).Message);
        // The class gets back what it gave.
        Assert.AreEqual(4, ml.Data.CreateEnumerable<AnyPictureRow>(any, reuseRowObject: false).Single().Picture.Width);
        // A picture column cannot be written to a file, and is left out of it.
        using var stream = new MemoryStream();
        ml.Data.SaveAsBinary(ml.Transforms.CopyColumns("Copy", "Picture").Fit(any).Transform(any), stream);
        Assert.IsGreaterThan(200, stream.Length);
    }
}
