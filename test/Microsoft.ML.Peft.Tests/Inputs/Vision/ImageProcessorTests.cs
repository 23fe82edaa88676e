using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;
using Microsoft.ML.Peft.Tests.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Inputs.Vision;

[TestClass]
public sealed class ImageProcessorTests
{
    [TestMethod]
    [DataRow("""{"image_processor_type":"ViTImageProcessor"}""", "224 x 224", null, null, Resampling.Bilinear, 0.5)]
    [DataRow("""{"feature_extractor_type":"ViTFeatureExtractor","size":384,"resample":3,"image_mean":[0.1,0.2,0.3]}""", "384 x 384", null, null, Resampling.Bicubic, 0.1)]
    [DataRow("""{"image_processor_type":"DeiTImageProcessorFast"}""", "256 x 256", null, "224 x 224", Resampling.Bicubic, 0.5)]
    [DataRow("""{"feature_extractor_type":"CLIPFeatureExtractor","size":32,"crop_size":30}""", null, 32, "30 x 30", Resampling.Bicubic, 0.48145466)]
    [DataRow("""{"image_processor_type":"BitImageProcessor","do_center_crop":false,"size":{"height":10,"width":20}}""", "20 x 10", null, null, Resampling.Bicubic, 0.48145466)]
    [DataRow("""{"image_processor_type":"CLIPImageProcessor","do_resize":false,"do_center_crop":false,"do_normalize":false}""", null, null, null, Resampling.Bicubic, 0.0)]
    public void Configurations_new_and_old(string json, string? size, int? shortest, string? crop, Resampling resampling, double mean)
    {
        var options = Read(json);
        Assert.AreEqual(size, options.Size?.ToString());
        Assert.AreEqual(shortest, options.ShortestEdge);
        Assert.AreEqual(crop, options.Crop?.ToString());
        Assert.AreEqual(resampling, options.Resampling);
        Assert.AreEqual(mean, options.Mean[0]);
    }

    [TestMethod]
    [DataRow("""{"image_processor_type":"SamImageProcessor"}""", ModelFormatError.Unsupported)]
    [DataRow("{}", ModelFormatError.InvalidEntry)]
    [DataRow("""{"image_processor_type":"ViTImageProcessor","size":{"longest_edge":5}}""", ModelFormatError.Unsupported)]
    [DataRow("""{"image_processor_type":"ViTImageProcessor","size":0}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"image_processor_type":"ViTImageProcessor","size":99999999}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"image_processor_type":"ViTImageProcessor","resample":9}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"image_processor_type":"ViTImageProcessor","image_std":[0,1,1]}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"image_processor_type":"ViTImageProcessor","image_mean":[0,1]}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"image_processor_type":"ViTImageProcessor","do_center_crop":true}""", ModelFormatError.InvalidEntry)]
    public void Bad_configurations(string json, ModelFormatError error)
        => Assert.AreEqual(error, Assert.ThrowsExactly<ModelFormatException>(() => Read(json)).Error);

    [TestMethod]
    public void A_small_picture_gets_black_around_it()
    {
        var image = RgbImage.FromPixels([255, 255, 255], 1, 1, PixelFormat.Rgb24);
        var processor = new ImageProcessor(new() { Crop = new(4, 2), Mean = [0, 0, 0], Deviation = [1, 1, 1] });
        var numbers = new float[3 * 8];
        processor.Process(image, numbers);
        // 4 - 1 = 3 columns and 2 - 1 = 1 row are missing; the larger half of them comes first, as Hugging Face rounds.
        CollectionAssert.AreEqual((float[])[0, 0, 0, 0, 0, 0, 1, 0], numbers[..8]);
        Assert.ThrowsExactly<ArgumentException>(() => processor.Process(image, new float[3]));
    }

    [TestMethod]
    public void A_batch_has_one_size()
    {
        var processor = new ImageProcessor(new() { ShortestEdge = 8 });
        var (square, wide) = (RgbImage.FromPixels(new byte[48], 4, 4, PixelFormat.Rgb24), RgbImage.FromPixels(new byte[48], 8, 2, PixelFormat.Rgb24));
        Assert.ThrowsExactly<ArgumentException>(() => processor.Batch([square, wide]));
        Assert.ThrowsExactly<ArgumentException>(() => processor.Batch([]));
        using var batch = processor.Batch([wide, wide]);
        CollectionAssert.AreEqual(new long[] { 2, 3, 8, 32 }, batch.shape);
    }

    private static ImageProcessorOptions Read(string json)
    {
        using var folder = new TemporaryFolder();
        folder.Write("preprocessor_config.json", json);
        return ImageProcessor.Load(folder.Path).Options;
    }
}
