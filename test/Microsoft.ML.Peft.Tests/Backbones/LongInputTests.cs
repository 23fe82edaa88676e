using System.Globalization;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Decoders over thousands of tokens, whose scores and masks are never there as a whole.</summary>
[TestClass]
public sealed class LongInputTests
{
    private const int Tokens = 8192;
    private const long OneMatrix = (long)Tokens * Tokens * sizeof(float); // the mask of all queries and keys: 256 MiB

    [TestMethod]
    public void Eight_thousand_tokens_need_less_than_one_matrix_of_them() => Run("llama", padded: false);

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("llama", true)]
    [DataRow("mistral", true)]
    [DataRow("bloom", false)]
    public void So_do_padded_rows_windows_and_slopes(string name, bool padded) => Run(name, padded);

    private static void Run(string name, bool padded)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("Peak memory is read from /proc.");
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var edited = new ModelCopy(name);
        edited.Config["max_position_embeddings"] = Tokens;
        if (name == "mistral")
        {
            edited.Config["sliding_window"] = 3000;
        }

        using var model = edited.Load(HeadKind.FeatureExtraction);
        using var context = ForwardContext.Predicting();
        int[] row = [.. Enumerable.Range(0, Tokens).Select(k => 5 + (k % 90))];
        using var batch = padded ? new TokenBatch([row, row[..5000]], 1) : new TokenBatch([row], 1);
        using var start = new TokenBatch([row[..100]], 1);
        using var inputs = new ModelInputs { Tokens = batch };
        using var few = new ModelInputs { Tokens = start };
        var expected = model.Forward(few, context)["last_hidden_state"]; // and the runtime's own memory is there

        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak starts anew
        var before = Kilobytes("VmRSS:");
        var hidden = model.Forward(inputs, context)["last_hidden_state"];
        var grown = (Kilobytes("VmHWM:") - before) * 1024;

        CollectionAssert.AreEqual((long[])[padded ? 2 : 1, Tokens, model.Backbone.HiddenSize], hidden.shape);
        Golden.Close.Assert(expected[0], hidden[0, ..100], "what comes later changes nothing");
        Assert.IsLessThan(OneMatrix, grown, $"{grown >> 20} MiB");
    }

    private static long Kilobytes(string field) => File.ReadLines("/proc/self/status")
        .Where(line => line.StartsWith(field, StringComparison.Ordinal))
        .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture))
        .Single();
}
