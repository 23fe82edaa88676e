using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Transforms.Image;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Tests;

/// <summary>The same picture from a path, from bytes and from an image column.</summary>
[TestClass]
public sealed class ImageColumnTests
{
    private sealed class Row
    {
        public string Path { get; set; } = "";

        public byte[] Bytes { get; set; } = [];

        [ImageType(2, 3)]
        public MLImage? Image { get; set; }

        public float Number { get; set; }
    }

    // 3 × 2 pixels, 24 bits, bottom row first, each row filled up to 12 bytes: blue, green, red.
    private static byte[] Bitmap()
    {
        var file = new byte[54 + 24];
        "BM"u8.CopyTo(file);
        BitConverter.TryWriteBytes(file.AsSpan(2), file.Length);
        BitConverter.TryWriteBytes(file.AsSpan(10), 54);
        BitConverter.TryWriteBytes(file.AsSpan(14), 40);
        BitConverter.TryWriteBytes(file.AsSpan(18), 3);
        BitConverter.TryWriteBytes(file.AsSpan(22), 2);
        BitConverter.TryWriteBytes(file.AsSpan(26), (short)1);
        BitConverter.TryWriteBytes(file.AsSpan(28), (short)24);
        for (var k = 0; k < 24; k++)
        {
            file[54 + k] = (byte)(k * 7);
        }

        return file;
    }

    [TestMethod]
    public void Paths_bytes_and_images_give_the_same_pixels()
    {
        var path = System.IO.Path.Combine(Directory.CreateTempSubdirectory("peft-image-").FullName, "picture.bmp");
        File.WriteAllBytes(path, Bitmap());
        try
        {
            using var image = MLImage.CreateFromFile(path);
            var ml = new MLContext(1);
            var data = ml.Data.LoadFromEnumerable([new Row { Path = path, Bytes = Bitmap(), Image = image }, new Row()]);
            using var cursor = data.GetRowCursor(data.Schema);
            var getters = ((string[])["Path", "Bytes", "Image"]).Select(name => ImageColumn.Getter(cursor, data.Schema[name])).ToArray();

            Assert.IsTrue(cursor.MoveNext());
            var pictures = getters.Select(getter => getter()!).ToArray();
            Assert.IsTrue(pictures.All(p => p is { Width: 3, Height: 2 }));
            var expected = RgbImage.Decode(Bitmap()).ToRgb24();
            Assert.AreEqual((byte)(2 * 7), expected[3 * 3]); // bottom left pixel: its red is the third byte of the file's first row
            foreach (var picture in pictures)
            {
                CollectionAssert.AreEqual(expected, picture.ToRgb24());
            }

            Assert.IsTrue(cursor.MoveNext());
            Assert.IsTrue(getters.All(getter => getter() is null), "a row without a picture gave one");
        }
        finally
        {
            Directory.Delete(System.IO.Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    [TestMethod]
    public void A_column_of_numbers_is_refused()
    {
        var data = new MLContext(1).Data.LoadFromEnumerable([new Row()]);
        using var cursor = data.GetRowCursor(data.Schema);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => ImageColumn.Getter(cursor, data.Schema["Number"])).Message, "The column 'Number' is of type Single");
    }
}
