using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A feed-forward part of many gated experts, of which each token goes through a few: <c>Σ_e p_e·D_e(act(G_e·x) ∘ U_e·x)</c> over the experts
/// that the router has chosen for the token.</summary>
/// <remarks>The tokens of an expert are computed together, and an expert without tokens is not touched. Tokens are brought into the order of their
/// experts and back by permutations, in which no two numbers are added into one place, so that a GPU gives the same bits each time.</remarks>
internal sealed class SparseFeedForward(RouterLayer router, ExpertLayer gateUp, ExpertLayer down, Func<Tensor, Tensor> activation, double jitter)
{
    /// <summary>The last matrix of the experts.</summary>
    public ExpertLayer Down => down;

    /// <summary>x (tokens, hidden) gives the same shape.</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        if (context.Divides(router) || context.Divides(gateUp) || context.Divides(down))
        {
            return context.ByRows(x, Forward);
        }

        if (context.Training && jitter > 0)
        {
            x = x.mul(context.UniformLike(x).mul(2 * jitter).add(1 - jitter));
        }

        var (shares, experts) = router.Forward(x, context);
        var (tokens, each) = (x.size(0), shares.size(1));
        var (order, back, counts) = Sorted(experts, down.Experts);
        var spread = x.unsqueeze(1).expand(-1, each, -1).flatten(0, 1).index_select(0, tensor(order, device: x.device));
        var (openGateUp, openDown) = (gateUp.Open(context), down.Open(context));
        var outputs = new List<Tensor>();
        var start = 0L;
        for (var expert = 0; expert < counts.Length; expert++)
        {
            if (counts[expert] > 0)
            {
                outputs.Add(Expert(spread.narrow(0, start, counts[expert]), expert));
                start += counts[expert];
            }
        }

        var fed = cat([.. outputs]).index_select(0, tensor(back, device: x.device)).view(tokens, each, -1);
        return fed.mul(shares.unsqueeze(2)).sum(1).to(x.dtype);

        Tensor Expert(Tensor own, int expert)
        {
            var both = openGateUp.Forward(own, expert);
            var inner = gateUp.OutFeatures / 2;
            return openDown.Forward(activation(both.narrow(1, 0, inner)).mul(both.narrow(1, inner, inner)), expert);
        }
    }

    // Sorts the choices (tokens, k) by expert on the host, which has to know the counts in any case.
    // order: places of the choices expert by expert, in each in order of the tokens; back: where each choice went.
    private static (long[] Order, long[] Back, long[] Counts) Sorted(Tensor experts, long count)
    {
        var chosen = experts.flatten().cpu().data<long>().ToArray();
        var (order, back, counts) = (new long[chosen.Length], new long[chosen.Length], new long[count]);
        foreach (var expert in chosen)
        {
            counts[expert]++;
        }

        var next = new long[count];
        for (var expert = 1; expert < count; expert++)
        {
            next[expert] = next[expert - 1] + counts[expert - 1];
        }

        for (var k = 0; k < chosen.Length; k++)
        {
            back[k] = next[chosen[k]]++;
            order[back[k]] = k;
        }

        return (order, back, counts);
    }
}
