using System.Text.Json;
using Microsoft.ML.Data;

namespace FoundationTests.Images;

/// <summary>Picture files against what Pillow reads in them, and pictures in memory.</summary>
[TestClass]
public sealed class PictureTests
{
    public sealed record Picture(string File, string Rgba, int Width, int Height)
    {
        public byte[] Bytes => Convert.FromBase64String(File);

        public byte[] Expected => Convert.FromBase64String(Rgba);
    }

    internal static Dictionary<string, Picture> All { get; } = JsonSerializer.Deserialize<Dictionary<string, Picture>>(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "images", "pictures.json")), new JsonSerializerOptions(JsonSerializerDefaults.Web))!;

    public static IEnumerable<object[]> Names => All.Keys.Select(k => new object[] { k });

    internal static MLImage Open(byte[] file) => MLImage.CreateFromStream(new MemoryStream(file));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void A_file_is_read_as_Pillow_reads_it(string name)
    {
        var picture = All[name];
        using var image = Open(picture.Bytes);
        Assert.AreEqual((picture.Width, picture.Height), (image.Width, image.Height));
        Assert.AreEqual(MLPixelFormat.Bgra32, image.PixelFormat);
        Assert.AreEqual(32, image.BitsPerPixel);
        var expected = picture.Expected;
        // Another version of the same library may round the transforms of a JPEG otherwise.
        int tolerance = name.StartsWith("jpeg", StringComparison.Ordinal) ? 2 : 0;
        for (int i = 0; i < expected.Length; i += 4)
        {
            int alpha = expected[i + 3];
            Assert.AreEqual(alpha, image.Pixels[i + 3]);
            for (int c = 0; c < 3; c++)
                Assert.AreEqual(Math.Round(expected[i + 2 - c] * alpha / 255.0), image.Pixels[i + c], tolerance + 0.5, $"{name}: byte {i + c}");
        }
    }

    [TestMethod]
    public void Colours_come_back_from_under_their_alpha()
    {
        using var image = MLImage.CreateFromPixels(2, 1, MLPixelFormat.Rgba32, [100, 50, 25, 128, 7, 8, 9, 255]);
        CollectionAssert.AreEqual(new byte[] { 50, 100, 199, 9, 8, 7 }, image.GetBGRPixels);
        CollectionAssert.AreEqual(new byte[] { 100, 50, 25, 128, 7, 8, 9, 255 }, image.Pixels.ToArray());
    }

    [TestMethod]
    public void A_picture_is_saved_and_read_again()
    {
        string folder = Directory.CreateTempSubdirectory("pictures-").FullName;
        try
        {
            using var image = Open(All["png-alpha"].Bytes);
            foreach (var (name, tolerance) in new[] { ("a.png", 3), ("A.PNG", 3), ("b.jpg", 12) })
            {
                string path = Path.Combine(folder, name);
                image.Save(path);
                using var again = MLImage.CreateFromFile(path);
                for (int i = 0; i < image.Pixels.Length; i++)
                {
                    if (name == "b.jpg" && i % 4 == 3)
                        Assert.AreEqual(255, again.Pixels[i]);
                    else
                        Assert.AreEqual(image.Pixels[i], again.Pixels[i], tolerance, $"{name}: byte {i}");
                }
            }
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => image.Save(Path.Combine(folder, "a.bmp"))).Message, "'.bmp' is not supported");
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => image.Save(Path.Combine(folder, "a.txt"))).Message, "invalid image file extension");
            Assert.HasCount(3, Directory.GetFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Wrong_arguments_and_disposed_pictures()
    {
        Assert.ThrowsExactly<ArgumentNullException>(() => MLImage.CreateFromStream(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => MLImage.CreateFromFile(null!));
        Assert.ThrowsExactly<ArgumentException>(() => MLImage.CreateFromFile("no such picture.png"));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Open([1, 2, 3])).Message, "Invalid input stream contents");
        Assert.ThrowsExactly<ArgumentException>(() => MLImage.CreateFromPixels(1, 1, MLPixelFormat.Unknown, new byte[4]));
        Assert.ThrowsExactly<ArgumentException>(() => MLImage.CreateFromPixels(0, 1, MLPixelFormat.Bgra32, []));
        Assert.ThrowsExactly<ArgumentException>(() => MLImage.CreateFromPixels(2, 2, MLPixelFormat.Bgra32, new byte[15]));
        var image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, new byte[4]);
        image.Tag = "mine";
        Assert.AreEqual("mine", image.Tag);
        image.Dispose();
        image.Dispose();
        Assert.AreEqual("Object is disposed.", Assert.ThrowsExactly<InvalidOperationException>(() => image.Width).Message);
    }

    /// <summary>Damaged files give a picture or an ArgumentException; never anything else, and no memory that the file does not account for.</summary>
    private static void Mutations(int count)
    {
        var random = new Random(17);
        var files = All.Values.Select(p => p.Bytes).ToArray();
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            var file = files[random.Next(files.Length)].ToArray();
            if (random.Next(4) == 0)
                file = file[..random.Next(2, file.Length)];
            for (int k = random.Next(1, 6); k > 0; k--)
                file[random.Next(file.Length)] = (byte)random.Next(256);
            try
            {
                using var image = Open(file);
                Assert.HasCount(image.Width * image.Height * 4, image.Pixels.ToArray());
            }
            catch (ArgumentException)
            {
                refused++;
            }
        }
        Assert.IsGreaterThan(count / 20, refused);
    }

    [TestMethod]
    public void Damaged_files_are_refused_or_read() => Mutations(600);

    [TestMethod]
    [TestCategory("Slow")]
    public void Ten_thousand_damaged_files_are_refused_or_read() => Mutations(10_000);

    [TestMethod]
    public void A_size_that_no_picture_has_is_refused()
    {
        var bmp = All["bmp-24"].Bytes;
        BitConverter.TryWriteBytes(bmp.AsSpan(18), 2_000_000_000);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Open(bmp)).Message, "cut off");
        var runs = All["bmp-rle8"].Bytes;
        BitConverter.TryWriteBytes(runs.AsSpan(18), 100_000);
        BitConverter.TryWriteBytes(runs.AsSpan(22), 100_000);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Open(runs)).Message, "100000 x 100000 pixels");
    }
}
