using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>PaCA's files, and what its columns count as.</summary>
[TestClass]
public sealed class PacaFileTests
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
    [DataRow(6)]
    [DataRow(-1)]
    [DataRow(0)] // twice
    public void Columns_of_a_file_that_are_none_are_refused(int column)
    {
        var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 2 }, Layer()).Single();
        using var _ = no_grad();
        adapter.get_parameter("paca_indices")!.copy_(tensor(new[] { 0L, column }));
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(adapter.Loaded).Message, "must be different columns from 0 to 5");
    }

    [TestMethod]
    public void A_file_brings_its_columns_along_and_is_refused_without_them()
    {
        var (options, layer, x) = (new PacaOptions { Rank = 2, Alpha = 3 }, Layer(), Input());
        using var set = Set(3);
        using var other = Set(9);
        Assert.IsFalse(Columns(set).SequenceEqual(Columns(other)), "both have drawn the same");
        Randomize((Paca)set.Adapters.Single());
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "base");

        AdapterCheckpoint.ReadTensors(other, folder.Path);

        CollectionAssert.AreEqual(Columns(set), Columns(other));
        Golden.Close.Assert(((Paca)set.Adapters.Single()).call(x), ((Paca)other.Adapters.Single()).call(x), "output", 1e-7);
        var file = Path.Combine(folder.Path, "adapter_model.safetensors");
        Tensor columns;
        using (var reader = SafetensorsReader.Open(file))
        {
            columns = reader.Read("base_model.model.block.0.query.paca_P");
        }

        SafetensorsWriter.Write(file, [new("base_model.model.block.0.query.paca_P", columns)]);
        StringAssert.Contains(Assert.Throws<Exception>(() => AdapterCheckpoint.ReadTensors(other, folder.Path)).Message, "paca_indices");

        AdapterSet Set(long seed)
        {
            using var initialization = new Initialization(seed);
            return AdapterSet.Of("x", options, [new Paca(layer, options, new AdapterBuild([layer], initialization))], 1);
        }

        static long[] Columns(AdapterSet set) => ((Paca)set.Adapters.Single()).get_parameter("paca_indices")!.data<long>().ToArray();
    }

    [TestMethod]
    public void Decay_pulls_the_columns_to_those_of_the_base()
    {
        var options = new PacaOptions { Rank = 3, Alpha = 6, ChangeDecay = 0.5 };
        var layer = Layer();
        var adapter = (Paca)MethodCase.Parts(options, layer).Single();
        Randomize(adapter);
        var change = adapter.Materialize(layer.Weight.Dense()) - layer.Weight.Dense();
        using var set = AdapterSet.Of("x", options, [adapter], 1);
        using var training = ((AdapterOptions)options).CreateTraining(set)!;
        training.AfterStep(new(0, 1, 0.1));

        Golden.Close.Assert(change * 0.95, adapter.Materialize(layer.Weight.Dense()) - layer.Weight.Dense(), "change");
        Assert.IsTrue(set.TrainedParameters().All(p => !p.Group.Decays));
        using var lora = AdapterConversion.ToLora(set);
        Golden.Close.Assert(adapter.call(ones(2, 6)), ((Lora)lora.Adapters.Single()).call(ones(2, 6)), "LoRA");
    }

    [TestMethod]
    [DataRow(null, ScalarType.BFloat16)]
    [DataRow(ScalarType.Float32, ScalarType.Float32)]
    [DataRow(ScalarType.Float16, ScalarType.Float16)]
    public void Columns_count_in_the_type_of_the_base_or_the_one_that_is_asked_for(ScalarType? asked, ScalarType expected)
    {
        var options = (PacaOptions)AdapterOptions.FromJson(new PacaOptions { Rank = 3, Alpha = 6, ParamType = asked }.ToJson(), "test");
        using var set = Set(out var layer);
        var adapter = (Paca)set.Adapters.Single();
        var x = Input().to(ScalarType.BFloat16);
        Assert.IsTrue(Base(layer, x).allclose(adapter.call(x), 1e-5, 1e-5)); // s is 2: the bits of the base
        var columns = adapter.get_parameter("paca_P")!;
        Assert.AreEqual(ScalarType.Float32, columns.dtype); // the optimizer's
        Randomize(adapter);
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "base");
        using (var file = SafetensorsReader.Open(Path.Combine(folder.Path, "adapter_model.safetensors")))
        {
            Assert.AreEqual(expected, file.Read("base_model.model.block.0.query.paca_P").dtype);
        }

        using var loaded = Set(out _);
        AdapterCheckpoint.ReadTensors(loaded, folder.Path);
        Assert.IsTrue(adapter.call(x).bytes.SequenceEqual(((Paca)loaded.Adapters.Single()).call(x).bytes));
        var merged = adapter.Materialize(layer.Weight.Dense()).index_select(1, adapter.get_parameter("paca_indices")!);
        Assert.IsTrue(columns.to(expected).mul(2).to(ScalarType.BFloat16).bytes.SequenceEqual(merged.contiguous().bytes));

        AdapterSet Set(out LinearLayer on)
        {
            on = Layer(ScalarType.BFloat16);
            return AdapterSet.Of("x", options, MethodCase.Parts(options, on), 1);
        }
    }

    private static LinearLayer Layer(ScalarType type = ScalarType.Float32)
    {
        using var generator = new Generator(5);
        return new("block.0.query", 0, new DenseWeight(randn([4, 6], generator: generator).to(type)), randn([4], generator: generator).to(type));
    }

    private static Tensor Input() => randn(2, 3, 6);

    private static Tensor Base(LinearLayer layer, Tensor x)
    {
        using var context = ForwardContext.Predicting();
        return layer.Forward(x, context);
    }

    private static void Randomize(Paca adapter)
    {
        using var _ = no_grad();
        nn.init.normal_(adapter.get_parameter("paca_P")!);
    }
}
