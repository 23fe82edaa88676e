using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public class MissTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new MissOptions { Rank = 4 }; // does not divide the 6 inputs

    protected override long TrainedNumbers(long inputs, long outputs) => 4 * outputs;
}

[TestClass]
public sealed class MissMiniTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new MissOptions { Rank = 3, Form = MissForm.Mini, MiniRank = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3 * 2;

    [TestMethod]
    public void The_block_is_repeated_in_both_directions()
    {
        var miss = (Miss)Wrap(Layer());
        using (no_grad())
        {
            Parameter(miss, "miss_block").copy_(arange(6).view(3, 2)); // [[0, 1], [2, 3], [4, 5]]
        }

        AssertClose(
            tensor(new float[] { 0, 2, 4, 0, 2, 4, 1, 3, 5, 1, 3, 5, 0, 2, 4, 0, 2, 4, 1, 3, 5, 1, 3, 5 }).view(4, 6),
            miss.Delta());
    }

    [TestMethod]
    public void A_width_that_does_not_divide_is_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<ArgumentException>(
            () => new Miss(Layer(), new() { Rank = 2, Form = MissForm.Mini, MiniRank = 3 }, new AdapterBuild([], initialization)));

        StringAssert.StartsWith(error.Message, "MiniRank is 3 and does not divide the 4 outputs of 'block.0.query'");
    }
}

[TestClass]
public sealed class MissBatTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new MissOptions { Rank = 2, Form = MissForm.Bat };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * outputs;

    [TestMethod]
    public void Blocks_are_multiplied_and_shifted()
    {
        var layer = Layer();
        var miss = (MissBat)Wrap(layer);
        Randomize(miss);
        var (w, d) = (layer.Weight.Dense(), Parameter(miss, "miss_block"));
        var actual = miss.Materialize(w);

        for (var o = 0; o < 2; o++)
        {
            for (var i = 0; i < 3; i++)
            {
                var block = w.narrow(0, 2 * o, 2).narrow(1, 2 * i, 2);
                AssertClose(block + block.mm(d[o]) + d[o], actual.narrow(0, 2 * o, 2).narrow(1, 2 * i, 2));
            }
        }
    }

    [TestMethod]
    public void A_rank_that_does_not_divide_is_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<ArgumentException>(
            () => new MissBat(Layer(), new() { Rank = 4, Form = MissForm.Bat }, new AdapterBuild([], initialization)));

        StringAssert.StartsWith(error.Message, "Rank is 4; the form 'bat' needs a divisor of both the 6 inputs and the 4 outputs");
    }

    [TestMethod]
    [DataRow("miss")]
    [DataRow("miss-bat")]
    public void Files_of_the_time_when_it_was_called_Bone_are_read(string adapter)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", adapter));
        using var file = SafetensorsReader.Open(Path.Combine(golden.Case.Folder, "adapter_model.safetensors"));
        var config = File.ReadAllText(Path.Combine(golden.Case.Folder, "adapter_config.json")).Replace("\"MISS\"", "\"BONE\"", StringComparison.Ordinal);
        var entries = file.Entries.ToDictionary(e => Old(e.Key), e => e.Value);
        using var read = AdapterSet.Create("bone", AdapterOptions.FromJson(config, "test"), golden.Model.Backbone, new([], []), seed: 0);

        AdapterCheckpoint.ReadTensors(read, "test", entries, (key, tensor) => file.ReadInto(key.Replace("bone_block", "miss_block", StringComparison.Ordinal), tensor));

        foreach (var (was, now) in golden.Adapter!.Parameters().Zip(read.Parameters()))
        {
            Assert.AreEqual(was.FileName, now.FileName); // it is written under its new name
            Assert.IsTrue(was.Parameter.bytes.SequenceEqual(now.Parameter.bytes), was.FileName);
        }

        static string Old(string key) => key.Replace("miss_block", "bone_block", StringComparison.Ordinal);
    }
}
