using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A transformer block that normalizes before each part: <c>h ← h + Attention(LN₁(h))</c>, <c>h ← h + W₂·act(W₁·LN₂(h))</c>.</summary>
internal sealed class PreNormBlock
{
    private readonly int _index;
    private readonly BlockForm _form;
    private readonly LayerNormLayer _norm1;
    private readonly LinearLayer _query;
    private readonly LinearLayer _key;
    private readonly LinearLayer _value;
    private readonly LinearLayer _output;
    private readonly LayerNormLayer _norm2;
    private readonly LinearLayer _up;
    private readonly LinearLayer _down;

    public PreNormBlock(WeightSource source, string path, int index, BlockForm form)
    {
        var (names, hidden, inner) = (form.Names, form.Hidden, form.Heads * form.HeadSize);
        (_index, _form) = (index, form);
        _norm1 = source.LayerNorm($"{path}.{names.Norm1}", hidden, form.Eps);
        _query = source.Linear($"{path}.{names.Query}", hidden, inner, form.QueryBias);
        _key = source.Linear($"{path}.{names.Key}", hidden, inner, form.KeyBias);
        _value = source.Linear($"{path}.{names.Value}", hidden, inner, form.QueryBias);
        _output = source.Linear($"{path}.{names.Output}", inner, hidden);
        _norm2 = source.LayerNorm($"{path}.{names.Norm2}", hidden, form.Eps);
        _up = source.Linear($"{path}.{names.Up}", hidden, form.Inner);
        _down = source.Linear($"{path}.{names.Down}", form.Inner, hidden);
        source.Blocks.Add(new(index, _output, _down, NormsAfter: false) { Heads = HeadMap.Of(_query, _key, _value, _output, form.Heads, form.HeadSize) });
    }

    /// <summary>(rows·keys, hidden) gives (rows·queries, hidden): the first <paramref name="queries"/> tokens of each row.</summary>
    public Tensor Forward(Tensor hidden, long rows, long queries, long keys, Tensor? mask, ForwardContext context)
    {
        using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
        var form = _form;
        var shape = new AttentionShape(rows, queries, keys, form.Heads, form.HeadSize);
        var state = new BlockState { Rows = rows, Heads = form.Heads };
        var normed = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(hidden, context), state);
        var asked = Attention.FirstTokens(normed, rows, queries, keys);
        var attended = Attention.Forward(
            _query.Forward(asked, context),
            _key.Forward(normed, context),
            _value.Forward(normed, context),
            shape,
            mask,
            form.AttentionDropout,
            context);
        attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
        attended = context.Dropout(_output.Forward(attended, context), form.Dropout);
        hidden = Attention.FirstTokens(hidden, rows, queries, keys);
        hidden = hidden + context.At(BlockPoint.AfterAttention, _index, attended, state with { Residual = hidden, Input = asked });

        normed = context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden, context), state);
        var inner = context.Dropout(form.Activation(_up.Forward(normed, context)), form.InnerDropout);
        var fed = context.Dropout(_down.Forward(inner, context), form.Dropout);
        return (hidden + context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = normed })).MoveToOuterDisposeScope();
    }
}
