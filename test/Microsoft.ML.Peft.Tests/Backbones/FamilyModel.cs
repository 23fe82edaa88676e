using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>A golden model of any family with the batch that was recorded with it, row by row.</summary>
internal sealed class FamilyModel : IDisposable
{
    private readonly int[][]? _tokens;
    private readonly int[][]? _decoderTokens;
    private readonly Tensor? _values;
    private readonly int _pad;

    public FamilyModel(string model)
    {
        Edited = new ModelCopy(model);
        using var golden = GoldenModel.Load(new GoldenCase(GoldenFolder.Root, model, null));
        Kind = golden.Kind;
        Root = golden.Model.Backbone.Root;
        FirstWeight = golden.Model.Layers.OfType<LinearLayer>().First(l => l.Path.StartsWith(Root, StringComparison.Ordinal)).Path + ".weight";
        _tokens = Rows(golden.Inputs.Tokens);
        _decoderTokens = Rows(golden.Inputs.DecoderTokens);
        _values = golden.Inputs.Values?.clone();
        _pad = Edited.Config["pad_token_id"]?.GetValue<int>() ?? 0;
        RowCount = _tokens?.Length ?? (int)_values!.size(0);
    }

    /// <summary>Names of every model of the golden folder.</summary>
    public static IEnumerable<object[]> Names
        => GoldenCase.In(GoldenFolder.Root).Where(c => c.Adapter is null).Select(c => new object[] { c.Model });

    /// <summary>Configuration and numbers, to be changed before <see cref="Load"/>.</summary>
    public ModelCopy Edited { get; }

    public HeadKind Kind { get; }

    public string Root { get; }

    /// <summary>Name of the first linear layer's weight.</summary>
    public string FirstWeight { get; }

    public int RowCount { get; }

    public PretrainedModel Load() => Edited.Load(Kind);

    /// <summary>The outputs of some rows; with a longer text beside them all other texts are padded.</summary>
    public Dictionary<string, Tensor> Outputs(PretrainedModel model, int[] rows, bool besideLonger = false)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting();
        var tokens = Batch(_tokens, rows, besideLonger ? 3 : null);
        var decoder = Batch(_decoderTokens, rows, besideLonger ? 0 : null);
        var values = _values?.index_select(0, tensor(rows.Select(row => (long)row).ToArray()));
        using var inputs = new ModelInputs { Tokens = tokens, DecoderTokens = decoder, Values = values };
        var output = model.Forward(inputs, context);
        return output.Names.Where(name => output[name].is_floating_point()).ToDictionary(name => name, name => output[name].contiguous());
    }

    public Dictionary<string, Tensor> Outputs(PretrainedModel model) => Outputs(model, [.. Enumerable.Range(0, RowCount)]);

    public void Dispose()
    {
        Edited.Dispose();
        _values?.Dispose();
    }

    private static int[][]? Rows(TokenBatch? batch)
    {
        if (batch is null)
        {
            return null;
        }

        var (ids, mask) = (batch.Ids.data<long>().ToArray(), batch.Mask?.data<long>().ToArray());
        return [.. Enumerable.Range(0, (int)batch.Rows).Select(row => Enumerable.Range(row * (int)batch.Length, (int)batch.Length)
            .Where(k => mask is null || mask[k] == 1).Select(k => (int)ids[k]).ToArray())];
    }

    // A text that is longer than all by some tokens comes last; null for none.
    private TokenBatch? Batch(int[][]? all, int[] rows, int? longer)
    {
        if (all is null)
        {
            return null;
        }

        int[][] chosen = [.. rows.Select(row => all[row])];
        return longer is { } more
            ? new TokenBatch([.. chosen, [.. Enumerable.Repeat(7, all.Max(r => r.Length) + more)]], _pad)
            : new TokenBatch(chosen, _pad);
    }
}
