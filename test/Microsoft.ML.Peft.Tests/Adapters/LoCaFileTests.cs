using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Tests.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>LoCA's files, its counts in words and its schedule of 90 steps.</summary>
[TestClass]
public sealed class LoCaFileTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow(LoCaMode.Default, false)]
    [DataRow(LoCaMode.Sparse, false)]
    [DataRow(LoCaMode.Fast, false)]
    [DataRow(LoCaMode.Default, true)]
    public void A_file_gives_the_same_update_to_the_last_bit_and_the_places_between_whole_numbers_only_if_asked_for(LoCaMode mode, bool saves)
    {
        var options = new LoCaOptions { Frequencies = 40, Scaling = 3, Mode = mode, SaveLocations = saves };
        using var set = Set(options);
        var adapter = (LoCa)set.Adapters.Single();
        using (no_grad())
        {
            nn.init.normal_(adapter.get_parameter("loca_spectrum")!);
            nn.init.uniform_(adapter.get_parameter("loca_locations")!);
        }

        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "base");
        using var loaded = Set((LoCaOptions)AdapterCheckpoint.ReadOptions(folder.Path) with { Seed = 7 });
        AdapterCheckpoint.ReadTensors(loaded, folder.Path);

        var other = (LoCa)loaded.Adapters.Single();
        Assert.IsTrue(adapter.Delta().contiguous().bytes.SequenceEqual(other.Delta().contiguous().bytes));
        Assert.AreEqual(saves, adapter.get_parameter("loca_locations")!.bytes.SequenceEqual(other.get_parameter("loca_locations")!.bytes));
        using var file = SafetensorsReader.Open(Path.Combine(folder.Path, "adapter_model.safetensors"));
        Assert.AreEqual(ScalarType.Int32, file.Read("base_model.model.block.0.query.loca_positions").dtype);
        Assert.AreEqual(saves, file.Entries.ContainsKey("base_model.model.block.0.query.loca_locations"));
    }

    [TestMethod]
    public void Both_counts_are_reported()
    {
        using var set = Set(new() { Frequencies = 1000 }, layers: 24);
        var note = new LoCaOptions { Frequencies = 1000 }.NotesOn(set.Adapters).Single();
        StringAssert.Contains(note, "24,000 coefficients");
        StringAssert.Contains(note, "72,000 numbers are trained");
        Assert.AreEqual(72_000, set.TrainableCount);
        Assert.IsEmpty(new LoCaOptions { LearnLocationSteps = 0 }.NotesOn(set.Adapters));
    }

    [TestMethod]
    public void Of_90_steps_60_are_of_the_places()
    {
        var options = new LoCaOptions { LearnLocationSteps = 90 };
        var places = Enumerable.Range(0, 1000).Where(step => options.PhaseAt(step, 1000) == LoCaPhase.Locations).ToArray();
        CollectionAssert.AreEqual(Enumerable.Range(10, 20).Concat(Enumerable.Range(40, 20)).Concat(Enumerable.Range(70, 20)).ToArray(), places);
        Assert.IsTrue(Enumerable.Range(0, 1000).All(step => options.PhaseAt(step, 1000) != LoCaPhase.Both));
    }

    [TestMethod]
    public void All_three_forms_agree_on_odd_sides_outputs_and_gradients_included()
    {
        var results = Enum.GetValues<LoCaMode>().Select(mode =>
        {
            using var set = Set(new() { Frequencies = 40, Scaling = 3, Mode = mode });
            var adapter = (LoCa)set.Adapters.Single();
            using (no_grad())
            {
                adapter.get_parameter("loca_spectrum")!.copy_(arange(40, ScalarType.Float32).sin());
            }

            var x = arange(33, ScalarType.Float32).view(3, 11).cos();
            var y = adapter.call(x);
            y.square().sum().backward();
            return (Tensor[])[y.detach(), adapter.Delta().detach(), adapter.get_parameter("loca_spectrum")!.grad!.clone(), adapter.get_parameter("loca_locations")!.grad!.clone()];
        }).ToList();
        foreach (var result in results[1..])
        {
            for (var k = 0; k < 4; k++)
            {
                Golden.Close.Assert(results[0][k], result[k], $"{k}");
            }
        }
    }

    private static AdapterSet Set(LoCaOptions options, int layers = 1)
        => AdapterSet.ForWeights(options, [.. Enumerable.Range(0, layers).Select(k => new LinearWeight($"block.{k}.query", layers > 1 ? zeros(768, 768) : arange(143, ScalarType.Float32).view(13, 11).sin()))], 1);
}
