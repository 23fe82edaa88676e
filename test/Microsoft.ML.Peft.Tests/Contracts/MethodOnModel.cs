using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Contracts;

/// <summary>Each method of the registry on a tiny model, by its name and the fields of a file: what tests of all methods share. A new method is here by itself.</summary>
public abstract class MethodOnModel
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

    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Methods => AdapterRegistry.Methods.Select(row => (object[])[row.Name]);

    /// <summary>The head kept as it is, so that no difference comes by it.</summary>
    protected static CopiedModules WithoutHead { get; } = new([], ["classifier"]);

    private protected TemporaryFolder Folder { get; private set; } = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        (_scope, Folder) = (NewDisposeScope(), new());
    }

    [TestCleanup]
    public void Close()
    {
        Folder.Dispose();
        _scope.Dispose();
    }

    /// <summary>A model that the method can go on.</summary>
    private protected static GoldenModel Model(string method, Placement? placement = null)
        => GoldenModel.Load(new(GoldenFolder.Root, method switch { "VPT" => "vit", "CPT" or "ADAPTION_PROMPT" => "llama", _ => "bert" }, null), placement);

    /// <summary>The method's settings for that model.</summary>
    private protected AdapterOptions Options(GoldenModel golden, string method)
    {
        var fields = method == "XLORA" ? $"'adapters': {{'0': '{Expert(golden, 7)}', '1': '{Expert(golden, 8)}'}}" : s_fields.GetValueOrDefault(method, "");
        return AdapterOptions.FromJson($"{{\"peft_type\": \"{method}\"{(fields.Length > 0 ? ", " : "")}{fields.Replace('\'', '"')}}}", "file");
    }

    /// <summary>A new adapter.</summary>
    private protected AdapterSet New(GoldenModel golden, string method, int seed)
        => AdapterSet.Create($"adapter {seed}", Options(golden, method), golden.Model.Backbone, WithoutHead, seed);

    /// <summary>An adapter whose trained numbers are no longer where they start.</summary>
    private protected AdapterSet Moved(GoldenModel golden, string method, int seed)
    {
        var adapter = New(golden, method, seed);
        using var _ = no_grad();
        foreach (var (parameter, _) in adapter.TrainedParameters())
        {
            parameter.add_(randn_like(parameter).mul_(0.1));
        }

        return adapter;
    }

    /// <summary>What the model gives; the context is used up.</summary>
    private protected static Tensor Output(GoldenModel golden, ForwardContext context)
    {
        using var _ = no_grad();
        using (context)
        {
            return golden.Forward(context).Logits;
        }
    }

    private string Expert(GoldenModel golden, int seed)
    {
        var folder = Folder[$"expert{seed}"];
        using var expert = AdapterSet.Create("expert", new LoraOptions { Start = LoraStart.Random }, golden.Model.Backbone, new([], []), seed);
        AdapterCheckpoint.Write(expert, folder, null, "base");
        return folder;
    }
}
