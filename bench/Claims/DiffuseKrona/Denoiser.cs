using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Bench.Claims.DiffuseKrona;

/// <summary>A small transformer that finds the noise in a picture: 16 patches, a token for the kind and one for the noise level.</summary>
internal sealed class Denoiser
{
    /// <summary>Width of the attention's projections, which adapters go on.</summary>
    public const int Width = 96;

    private const int Blocks = 3;
    private const int Heads = 4;
    private const int Patch = 4;
    private const int Across = Shapes.Side / Patch;

    private readonly List<Parameter> _parameters = [];
    private readonly Parameter _patches, _places, _kinds, _level, _levelBias, _out;
    private readonly Block[] _blocks;

    /// <summary>A denoiser with random weights, from the global generator, which the caller seeds.</summary>
    public Denoiser()
    {
        _patches = Weight(Width, Patch * Patch);
        _places = Weight(Across * Across, Width);
        _kinds = Kept(randn(Shapes.Kinds, Width)); // the subject's stays as it is drawn: the rare word of its prompt
        _level = Weight(Width, 32);
        _levelBias = Kept(zeros(Width));
        _out = Kept(zeros(Patch * Patch, Width));
        _blocks = [.. Enumerable.Range(0, Blocks).Select(_ => new Block(
            [.. Enumerable.Range(0, 4).Select(_ => Weight(Width, Width))], Weight(2 * Width, Width), Weight(Width, 2 * Width)))];
    }

    /// <summary>What pre-training trains.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>The projections of queries, keys, values and output of every block, frozen.</summary>
    public IReadOnlyList<LinearWeight> Projections()
        => [.. _blocks.SelectMany((block, b) => block.Projections.Select((weight, k) => new LinearWeight($"block.{b}.to_{"qkvo"[k]}", weight.detach())))];

    /// <summary>The mean squared error of the noise that it finds.</summary>
    /// <param name="pictures">(n, 256).</param>
    /// <param name="kinds">Kinds (n).</param>
    /// <param name="adapters">Adapted projections, in the order of <see cref="Projections"/>; none for the base model.</param>
    public Tensor Loss(Tensor pictures, Tensor kinds, IReadOnlyList<LinearAdapter>? adapters = null)
    {
        // The share of the picture falls as a quarter of a cosine.
        var level = rand(pictures.size(0), 1);
        var noise = randn_like(pictures);
        var (keep, add) = (level.mul(Math.PI / 2).cos(), level.mul(Math.PI / 2).sin());
        return (Find((keep * pictures) + (add * noise), level, kinds, adapters) - noise).square().mean();
    }

    private Tensor Find(Tensor noisy, Tensor level, Tensor kinds, IReadOnlyList<LinearAdapter>? adapters)
    {
        var n = noisy.size(0);
        var waves = level * tensor(Enumerable.Range(0, 16).Select(k => (float)Math.Pow(1.5, k)).ToArray());
        var levels = (linear(cat([waves.sin(), waves.cos()], 1), _level) + _levelBias).unsqueeze(1);
        var patches = linear(noisy.view(n, Across, Patch, Across, Patch).transpose(2, 3).reshape(n, Across * Across, Patch * Patch), _patches) + _places;
        var x = cat([patches + levels, _kinds.index_select(0, kinds).unsqueeze(1), levels], 1);
        for (var b = 0; b < Blocks; b++)
        {
            var (block, first) = (_blocks[b], 4 * b);
            var h = Normed(x);
            var (q, k, v) = (Split(Project(h, 0)), Split(Project(h, 1)), Split(Project(h, 2)));
            var shares = q.matmul(k.transpose(-2, -1)).div(Math.Sqrt(Width / Heads)).softmax(-1);
            x = x + Project(shares.matmul(v).transpose(1, 2).reshape(n, -1, Width), 3);
            x = x + linear(gelu(linear(Normed(x), block.Up)), block.Down);

            Tensor Project(Tensor input, int which) => adapters is null ? linear(input, block.Projections[which]) : adapters[first + which].call(input);
        }

        var found = linear(Normed(x.narrow(1, 0, Across * Across)), _out);
        return found.view(n, Across, Across, Patch, Patch).transpose(2, 3).reshape(n, Shapes.Side * Shapes.Side);

        Tensor Split(Tensor t) => t.view(n, -1, Heads, Width / Heads).transpose(1, 2);

        static Tensor Normed(Tensor t) => layer_norm(t, [Width]);
    }

    private Parameter Weight(long rows, long columns) => Kept(randn(rows, columns).div_(Math.Sqrt(columns)));

    private Parameter Kept(Tensor values)
    {
        var parameter = new Parameter(values);
        parameter.DetachFromDisposeScope();
        _parameters.Add(parameter);
        return parameter;
    }

    private sealed record Block(IReadOnlyList<Parameter> Projections, Parameter Up, Parameter Down);
}
