using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
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
    [DataRow(ClipSvdFormat.Dense)]
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
            if (format != ClipSvdFormat.Factors)
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

    [TestMethod]
    public void A_dense_file_holds_what_is_added_to_the_weight_and_trains_on()
    {
        var folder = Directory.CreateTempSubdirectory("peft-svd-").FullName;
        try
        {
            var weight = randn(7, 6);
            using var set = AdapterSet.ForWeights(new ClipSvdOptions { Format = ClipSvdFormat.Dense }, [new LinearWeight("x", weight)], 0); // 4 of 6 values
            var part = (ClipSvd)set.Adapters.Single();
            using (no_grad())
            {
                set.TrainedParameters().Single().Parameter.mul_(tensor(new[] { 1f, -2, 0.5f, 3 }));
            }

            AdapterCheckpoint.Write(set, folder, null, "base");

            using var file = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors"));
            CollectionAssert.AreEquivalent(new[] { "base_model.model.x.delta_W", "base_model.model.x.fingerprint" }, file.Entries.Keys.ToArray());
            var change = empty(7, 6);
            file.ReadInto("base_model.model.x.delta_W", change);
            Close.Assert(part.Weight().detach(), weight + change, "added");

            using var read = AdapterSet.ForWeights(AdapterCheckpoint.ReadOptions(folder), [new LinearWeight("x", weight)], 1);
            AdapterCheckpoint.ReadTensors(read, folder);
            var again = (ClipSvd)read.Adapters.Single();
            Close.Assert(part.Weight().detach(), again.Weight().detach(), "weight");
            Close.Assert(part.Spectrum().detach().abs().sort(descending: true).Values, again.Spectrum().detach(), "values");
            Assert.AreEqual(4, read.TrainableCount);
            AdapterCheckpoint.ReadTensors(read, folder); // a second time too
            Close.Assert(part.Weight().detach(), again.Weight().detach(), "weight");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Assert.Contains("Spectrum or Factors", Assert.ThrowsExactly<ArgumentException>(() => new ClipSvdOptions { Format = ClipSvdFormat.Dense, DecaysTowardStart = true }.Validate()).Message);
    }
}
