using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class TinyLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new TinyLoraOptions { Rank = 2, VectorLength = 5 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => 5;

    [TestMethod]
    public void Without_mixing_the_factors_are_the_best_approximation_of_the_weight()
    {
        var layer = Layer();
        var adapter = (TinyLora)Wrap(layer);
        var (a, b) = (Parameter(adapter, "tinylora_A"), Parameter(adapter, "tinylora_B"));
        var values = linalg.svdvals(layer.FrozenWeight);

        // Eckart and Young: what is left of W are its other singular values.
        AssertClose(values[2..].pow(2).sum().sqrt(), (layer.FrozenWeight - b.mm(a)).norm());
        AssertClose(a.norm(), b.norm());
    }

    [TestMethod]
    public void The_vector_mixes_the_random_matrices()
    {
        var parts = Parts(Layer());
        var (vectors, adapter) = ((TinyVectors)parts[0], (TinyLora)parts[1]);
        using (no_grad())
        {
            vectors[0].copy_(tensor(new[] { 0f, 2f, 0f, -1f, 0f }));
        }

        var (a, b, p) = (Parameter(adapter, "tinylora_A"), Parameter(adapter, "tinylora_B"), Parameter(adapter, "tinylora_P"));
        AssertClose(b.mm((2 * p[1]) - p[3]).mm(a), adapter.Delta());
    }

    [TestMethod]
    [DataRow(0.0, 4)]
    [DataRow(0.5, 2)]
    [DataRow(1.0, 1)]
    public void Layers_share_vectors_by_groups(double sharing, int groups)
    {
        using var initialization = new Initialization(0);
        var options = new TinyLoraOptions { Sharing = sharing, VectorLength = 3 };
        var parts = options.CreateParts(new AdapterBuild([Layer(), Layer(), Layer(), Layer()], initialization)).ToList();

        Assert.AreEqual(3 * groups, parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel()));
        CollectionAssert.AreEqual(
            Enumerable.Range(0, groups).Select(k => $"tinylora_v.{k}").ToArray(), parts[0].named_parameters().Select(p => parts[0].FileName(p.name)).ToArray());
    }

    [TestMethod]
    [DataRow("clip", "text_model.encoder.layers.0.self_attn.", "v_proj", "q_proj")] // CLIPAttention registers keys and values before queries
    [DataRow("llama", "model.layers.0.self_attn.", "q_proj", "v_proj")]
    public void Layers_count_in_the_order_in_which_Hugging_Face_registers_them(string model, string parent, string first, string second)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        var options = new TinyLoraOptions { TargetModules = TargetModules.Named("q_proj", "v_proj") };
        using var adapter = AdapterSet.Create("default", options, golden.Model.Backbone, new CopiedModules([], []), seed: 0);

        CollectionAssert.AreEqual(
            new[] { parent + first, parent + second },
            adapter.Adapters.OfType<TinyLora>().Select(part => part.Path).Where(path => path.StartsWith(parent, StringComparison.Ordinal)).ToArray());
    }

    [TestMethod]
    [DataRow("\"u\": 0", "VectorLength is 0; it must be")]
    [DataRow("\"weight_tying\": 2", "Sharing is 2; it must be")]
    public void Settings_outside_their_range_are_refused(string field, string sentence)
    {
        var error = Assert.Throws<Exception>(() => AdapterOptions.FromJson($"{{\"peft_type\": \"TINYLORA\", {field}}}", "adapter_config.json"));

        StringAssert.Contains(error.Message, sentence);
    }
}
