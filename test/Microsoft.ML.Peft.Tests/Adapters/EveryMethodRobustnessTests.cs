using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What each method bears on a whole model: seeds, a base in BFloat16, two adapters at once, files that are not whole.</summary>
[TestClass]
public sealed class EveryMethodRobustnessTests : MethodOnModel
{
    // Their start is a function of the base model's weights or of nothing, or is drawn by a seed among their settings, as in HF PEFT.
    private static readonly string[] s_undrawn =
    [
        "ADAMSS", "BEFT", "BITFIT", "BOFT", "CLIP_SVD", "CPT", "FROD", "IA3", "LN_TUNING", "LOCA", "LOLDU", "MISS", "OFT", "OSF", "PSOFT", "PVERA", "RANDLORA", "ROAD", "SHIRA", "SUPERTUNING",
        "TINYLORA", "TRAINABLE_TOKENS", "VERA", "WAVEFT",
    ];

    // Their numbers stand in place of the base's, so that those of the last one count.
    private static readonly string[] s_replacing = ["BITFIT", "LN_TUNING", "TRAINABLE_TOKENS"];

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void A_seed_gives_its_start_again_and_another_seed_another_start(string method)
    {
        using var golden = Model(method);
        var (first, again, other) = (Start(1), Start(1), Start(2));
        CollectionAssert.AreEqual(first, again);
        Assert.AreEqual(!s_undrawn.Contains(method), !first.SequenceEqual(other), "another start");

        string[] Start(int seed)
        {
            using var adapter = New(golden, method, seed);
            return [.. adapter.Parameters().Select(p => $"{p.FileName} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(p.Parameter.bytes))}")];
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Beside_a_base_in_BFloat16_it_gives_about_the_same_and_learns_in_Float32(string method)
    {
        using var golden = Model(method);
        using var half = Model(method, Placement.On("cpu", ScalarType.BFloat16));
        using var adapter = Moved(golden, method, 1);
        using var other = Copied(New(half, method, 1), adapter);
        var (expected, actual) = (Output(golden, ForwardContext.Predicting(adapter)), Output(half, ForwardContext.Predicting(other)).to(ScalarType.Float32));
        var plain = (Output(golden, ForwardContext.Predicting()) - Output(half, ForwardContext.Predicting()).to(ScalarType.Float32)).abs().max().item<float>();
        var moved = (expected - actual).abs().max().item<float>();
        Assert.IsLessThan(Math.Max(10 * plain, 0.1 * expected.abs().max().item<float>()), moved, $"without the adapter the difference is {plain}");

        using var training = ForwardContext.TrainingWith(3, other);
        golden.Model.Head.Loss(half.Forward(training), half.Targets).backward();
        Assert.IsTrue(other.TrainedParameters().All(p => p.Parameter.grad is null || p.Parameter.grad.isfinite().all().item<bool>()));
        Assert.IsTrue(other.TrainedParameters().Any(p => p.Parameter.grad is not null));
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Two_of_it_act_together_or_it_says_why_not(string method)
    {
        using var golden = Model(method);
        using var first = Moved(golden, method, 1);
        using var second = Moved(golden, method, 2);
        Tensor both;
        try
        {
            both = Output(golden, ForwardContext.Predicting(first, second));
        }
        catch (PeftException error)
        {
            StringAssert.Contains(error.Message, "can act at a time", method);
            return;
        }

        Assert.IsTrue(both.isfinite().all().item<bool>());
        Assert.IsFalse(Output(golden, ForwardContext.Predicting(first)).allclose(both), "the second one does nothing");
        Assert.AreEqual(s_replacing.Contains(method), Output(golden, ForwardContext.Predicting(second)).allclose(both), "the first one does nothing");
    }

    // The methods of layers have it from LinearAdapterContract; these two stand over another method.
    [TestMethod]
    [DataRow("HEAT")]
    [DataRow("PEAR")]
    public void Over_another_method_rows_and_their_flat_form_give_the_same_and_no_rows_give_none(string method)
    {
        using var golden = Model(method);
        using var adapter = Moved(golden, method, 1);
        foreach (var mask in adapter.Adapters.OfType<HeadMask>())
        {
            mask.Silence([.. Enumerable.Range(0, mask.Heads.Heads).Select(head => head == 0)]);
        }

        var parts = adapter.Adapters.OfType<LinearAdapter>().ToList();
        Assert.IsNotEmpty(parts);
        foreach (var part in parts)
        {
            part.eval();
            var (inputs, outputs) = (part.Layer.InFeatures, part.Layer.OutFeatures);
            var x = randn(2, 3, inputs);
            Golden.Close.Assert(part.call(x).reshape(6, outputs).detach(), part.call(x.reshape(6, inputs)).detach(), part.Path, 1e-5);
            CollectionAssert.AreEqual(new[] { 0, outputs }, part.call(zeros(0, inputs)).shape);
            CollectionAssert.AreEqual(new[] { 2, 0, outputs }, part.call(zeros(2, 0, inputs)).shape);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void A_file_that_is_not_whole_or_has_more_is_refused(string method)
    {
        using var golden = Model(method);
        using var adapter = Moved(golden, method, 1);
        var (folder, file) = (Folder["adapter"], Path.Combine(Folder["adapter"], "adapter_model.safetensors"));
        AdapterCheckpoint.Write(adapter, folder, null, "base");
        Dictionary<string, Tensor> whole;
        using (var reader = SafetensorsReader.Open(file))
        {
            whole = reader.Entries.Keys.ToDictionary(key => key, reader.Read);
        }

        var (expected, refused) = (Output(golden, ForwardContext.Predicting(adapter)), 0);
        foreach (var key in new[] { whole.Keys.First(), whole.Keys.ElementAt(whole.Count / 2), whole.Keys.Last() }.Distinct())
        {
            if (Read(whole.Where(tensor => tensor.Key != key)) is { } lacks)
            {
                StringAssert.Contains(lacks, key);
                refused++;
            }

            StringAssert.Contains(Read(whole.Select(t => t.Key == key ? KeyValuePair.Create(key, cat([t.Value.flatten(), ones(1, t.Value.dtype)])) : t)), key);
        }

        Assert.IsGreaterThan(0, refused, "each of the tensors can be left out");
        StringAssert.Contains(Read(whole.Append(KeyValuePair.Create("base_model.model.surplus", ones(2)))), "base_model.model.surplus");
        Assert.IsNull(Read(whole));

        // What reading says, or null where it gives the same adapter.
        string? Read(IEnumerable<KeyValuePair<string, Tensor>> tensors)
        {
            SafetensorsWriter.Write(file, tensors, new Dictionary<string, string> { ["format"] = "pt" });
            try
            {
                using var read = AdapterSet.Create("read", AdapterCheckpoint.ReadOptions(folder), golden.Model.Backbone, WithoutHead, 1);
                AdapterCheckpoint.ReadTensors(read, folder);
                Golden.Close.Assert(expected, Output(golden, ForwardContext.Predicting(read)), "read");
                return null;
            }
            catch (ModelFormatException error)
            {
                return error.Message;
            }
        }
    }

    private static AdapterSet Copied(AdapterSet to, AdapterSet from)
    {
        using var _ = no_grad();
        foreach (var (target, source) in to.TrainedParameters().Zip(from.TrainedParameters()))
        {
            target.Parameter.copy_(source.Parameter);
        }

        return to;
    }
}
