using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What the registry says of each method, on a whole model: plan, merge, rows of one batch, files, status, conversion. A new method is here by itself.</summary>
[TestClass]
public sealed class EveryMethodTests
{
    // Settings for the tiny models, where the defaults are too large for them or have to be given.
    private static readonly Dictionary<string, string> s_fields = new()
    {
        ["ADALORA"] = "'init_r': 4, 'target_r': 2",
        ["ADAMSS"] = "'r': 8, 'num_subspaces': 2",
        ["ADAPTION_PROMPT"] = "'adapter_len': 3, 'adapter_layers': 2",
        ["BOTTLENECK"] = "'bottleneck_size': 4, 'placement': 'SeriesOutput', 'target_modules': ['query', 'output.dense']",
        ["C3A"] = "'block_size': 8",
        ["COMPACTER"] = "'reduction_factor': 4",
        ["CPT"] = "'cpt_token_ids': [3, 4, 5, 6], 'cpt_tokens_type_mask': [1, 2, 3, 4], 'cpt_mask': [1, 1, 1, 1], 'num_virtual_tokens': 4",
        ["FOURIERFT"] = "'n_frequency': 50",
        ["LOCA"] = "'n_frequency': 50",
        ["LOLDU"] = "'r': 8",
        ["MISS"] = "'r': 8",
        ["MOS"] = "'r': 2",
        ["OFT"] = "'oft_block_size': 8",
        ["P_TUNING"] = "'encoder_hidden_size': 16",
        ["PVERA"] = "'r': 8",
        ["RANDLORA"] = "'r': 8",
        ["ROAD"] = "'group_size': 8",
        ["SHIRA"] = "'r': 4",
        ["TRAINABLE_TOKENS"] = "'token_indices': [1, 5, 9, 20]",
        ["VBLORA"] = "'num_vectors': 16, 'vector_length': 8",
        ["VERA"] = "'r': 8",
        ["WAVEFT"] = "'n_frequency': 50",
    };

    // They change norms, tables or biases alone.
    private static readonly string[] s_noLora = ["BITFIT", "LN_TUNING", "SSF", "TRAINABLE_TOKENS"];

    // Kept as it is, so that no difference comes by the head.
    private static readonly CopiedModules s_head = new([], ["classifier"]);

    private DisposeScope _scope = null!;
    private TemporaryFolder _folder = null!;

    public static IEnumerable<object[]> Methods => AdapterRegistry.Methods.Select(row => (object[])[row.Name]);

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        (_scope, _folder) = (NewDisposeScope(), new());
    }

    [TestCleanup]
    public void Close()
    {
        _folder.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void A_plan_is_what_is_made_and_a_file_gives_it_again(string method)
    {
        using var golden = Model(method);
        using var adapter = Moved(golden, method, 1);
        var plan = Options(golden, method).Plan(golden.Model.Backbone, s_head);
        Assert.AreEqual(adapter.TrainableCount, plan.TrainableCount);
        Assert.AreEqual(adapter.Options!.CanMerge, plan.Merges);
        Assert.IsTrue(plan.Targets.Count > 0 || !adapter.Options.HasTargets);

        var folder = Path.Combine(_folder.Path, "adapter");
        AdapterCheckpoint.Write(adapter, folder, null, "base");
        using (var file = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors")))
        {
            Assert.IsFalse(file.Entries.Keys.Any(key => key.Contains("adapter 1", StringComparison.Ordinal) || key.Contains("default", StringComparison.Ordinal)));
            Assert.IsTrue(file.Entries.Count > 0);
        }

        using var adapters = new AdapterCollection(golden.Model.Backbone);
        adapters.Load("read", folder);
        Golden.Close.Assert(Output(golden, ForwardContext.Predicting(adapter)), Output(golden, adapters.Predicting()), "read");
        Assert.AreEqual(method, adapters.ModelStatus().Methods["read"]);
        Assert.IsTrue(adapters.LayerStatus() is { Count: > 0 } places && places.All(place => place.Active.SequenceEqual(["read"])));
        using (adapters.Disable())
        {
            Assert.IsTrue(Output(golden, ForwardContext.Predicting()).bytes.SequenceEqual(Output(golden, adapters.Predicting()).bytes));
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void It_merges_and_is_undone_to_the_last_bit_or_says_why_not(string method)
    {
        using var golden = Model(method);
        using var adapter = Moved(golden, method, 1);
        var (bare, expected) = (Output(golden, ForwardContext.Predicting()), Output(golden, ForwardContext.Predicting(adapter)));
        Assert.IsFalse(bare.shape.SequenceEqual(expected.shape) && bare.allclose(expected), "the adapter does nothing");
        if (!adapter.Options!.CanMerge)
        {
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => adapter.Merge()).Message, "cannot be merged");
            return;
        }

        using (adapter.Merge(safe: true))
        {
            Golden.Close.Assert(expected, Output(golden, ForwardContext.Predicting()), "merged", 1e-3);
        }

        Assert.IsTrue(bare.bytes.SequenceEqual(Output(golden, ForwardContext.Predicting()).bytes), "a bit of the base is another one");
        try
        {
            var (lora, errors) = AdapterConversion.ToLora(adapter, 64); // as wide as the widest layer: nothing is lost
            using var _ = lora;
            Assert.IsTrue(errors.All(error => error.RelativeError < 1e-3), string.Join(", ", errors));
            Golden.Close.Assert(expected, Output(golden, ForwardContext.Predicting(lora)), "as LoRA", 1e-3);
        }
        catch (PeftException error)
        {
            Assert.IsTrue(s_noLora.Contains(method), $"{method}: {error.Message}");
            StringAssert.Contains(error.Message, "in a way that LoRA cannot");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Rows_of_a_batch_have_their_own_or_it_says_why_not(string method)
    {
        using var golden = Model(method);
        using var first = Moved(golden, method, 1);
        using var second = Moved(golden, method, 2);
        if (!first.Options!.Method.MixesInBatch)
        {
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => ForwardContext.ByRow([first, null, second])).Message, "cannot share a batch with others");
            return;
        }

        var solo = new[] { Output(golden, ForwardContext.Predicting(first)), Output(golden, ForwardContext.Predicting()), Output(golden, ForwardContext.Predicting(second)) };
        Assert.IsFalse(solo[0].allclose(solo[2]), "the adapters do the same");
        var count = (int)solo[0].size(0);
        var mixed = Output(golden, ForwardContext.ByRow([.. Enumerable.Range(0, count).Select(k => new[] { first, null, second }[k % 3])]));
        for (var row = 0; row < count; row++)
        {
            Golden.Close.Assert(solo[row % 3].select(0, row), mixed.select(0, row), $"row {row}");
        }
    }

    private static GoldenModel Model(string method)
        => GoldenModel.Load(new(GoldenFolder.Root, method switch { "VPT" => "vit", "CPT" or "ADAPTION_PROMPT" => "llama", _ => "bert" }, null));

    private AdapterOptions Options(GoldenModel golden, string method)
    {
        var fields = method == "XLORA" ? $"'adapters': {{'0': '{Expert(golden, 7)}', '1': '{Expert(golden, 8)}'}}" : s_fields.GetValueOrDefault(method, "");
        return AdapterOptions.FromJson($"{{\"peft_type\": \"{method}\"{(fields.Length > 0 ? ", " : "")}{fields.Replace('\'', '"')}}}", "file");
    }

    private string Expert(GoldenModel golden, int seed)
    {
        var folder = Path.Combine(_folder.Path, $"expert{seed}");
        using var expert = AdapterSet.Create("expert", new LoraOptions { Start = LoraStart.Random }, golden.Model.Backbone, new([], []), seed);
        AdapterCheckpoint.Write(expert, folder, null, "base");
        return folder;
    }

    private AdapterSet Moved(GoldenModel golden, string method, int seed)
    {
        var adapter = AdapterSet.Create($"adapter {seed}", Options(golden, method), golden.Model.Backbone, s_head, seed);
        using var _ = no_grad();
        foreach (var (parameter, _) in adapter.TrainedParameters())
        {
            parameter.add_(randn_like(parameter).mul_(0.1));
        }

        return adapter;
    }

    private static Tensor Output(GoldenModel golden, ForwardContext context)
    {
        using var _ = no_grad();
        using (context)
        {
            return golden.Forward(context).Logits;
        }
    }
}
