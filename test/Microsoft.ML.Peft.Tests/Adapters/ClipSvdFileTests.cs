using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Files of CLIP-SVD.</summary>
[TestClass]
public sealed class ClipSvdFileTests
{
    [TestMethod]
    [DataRow(ClipSvdFormat.Spectrum)]
    [DataRow(ClipSvdFormat.Factors)]
    public void A_file_gives_the_same_layer_again_and_one_of_another_weight_is_refused(ClipSvdFormat format)
    {
        var folder = Directory.CreateTempSubdirectory("peft-svd-").FullName;
        try
        {
            using var first = AdapterSet.ForWeights(new ClipSvdOptions { Format = format }, [new LinearWeight("x", Layer())], 0);
            using (no_grad())
            {
                first.TrainedParameters().Single().Parameter.normal_();
            }

            AdapterCheckpoint.Write(first, folder, null, "base");
            using var second = AdapterSet.ForWeights(AdapterCheckpoint.ReadOptions(folder), [new LinearWeight("x", Layer().to(ScalarType.BFloat16))], 1);
            AdapterCheckpoint.ReadTensors(second, folder);
            var expected = ((ClipSvd)first.Adapters.Single()).Weight();
            var tolerance = format == ClipSvdFormat.Factors ? 1e-6 : 0.05; // the spectrum alone takes the rounded weight's vectors
            Close.Assert(expected.detach(), ((ClipSvd)second.Adapters.Single()).Weight().detach(), "weight", tolerance);

            using var other = AdapterSet.ForWeights(AdapterCheckpoint.ReadOptions(folder), [new LinearWeight("x", randn(4, 6))], 1);
            if (format == ClipSvdFormat.Spectrum)
            {
                StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterCheckpoint.ReadTensors(other, folder)).Message, "another weight");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static Tensor Layer()
        {
            using var generator = new Generator(5);
            return randn([4, 6], generator: generator);
        }
    }
}
