using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Principal components of rows that come batch by batch; no row is kept.</summary>
/// <remarks>
/// <para>A batch X of m rows is joined to n rows of before, with components V, singular values S and mean μ, by the decomposition of
/// <c>[S·V; X − μ_X; √(n·m/(n + m))·(μ − μ_X)]</c>. The sign of a component makes its largest number positive.</para>
/// <para>Source: Ross, Lim, Lin and Yang 2008, Incremental Learning for Robust Visual Tracking, §3.3.</para>
/// </remarks>
/// <param name="components">k, at most the width of the rows.</param>
internal sealed class IncrementalPca(int components) : IDisposable
{
    // As HF PEFT has it, so that the components are the same for the same rows.
    private const long Seed = 42;
    private const int Iterations = 4;

    private Tensor? _mean; // (in), Float64
    private long _count;
    private double _deviations; // sum of the squared distances from the mean

    /// <summary>k.</summary>
    public int Count => components;

    /// <summary>Components (k, in), the most important one first, or null before the first batch.</summary>
    public Tensor? Components { get; private set; }

    /// <summary>Singular values (k).</summary>
    public Tensor? Values { get; private set; }

    /// <summary>Share of the variance of all rows that each component explains.</summary>
    public double[] Ratios { get; private set; } = [];

    /// <summary>Joins rows (m, in), Float32; m must be k or more.</summary>
    /// <returns>How alike each component is to what it was before, as a cosine; null at the first batch.</returns>
    public double[]? Add(Tensor rows)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (added, mean) = (rows.size(0), rows.mean([0], type: ScalarType.Float64));
        var centred = rows - mean.to(ScalarType.Float32);
        var total = _count + added;
        _deviations += centred.square().sum(ScalarType.Float64).item<double>();
        var joined = centred;
        if (_mean is not null)
        {
            var weight = (double)_count * added / total;
            var shift = _mean - mean;
            _deviations += weight * shift.square().sum().item<double>();
            joined = cat([Values!.unsqueeze(1) * Components!, centred, shift.mul(Math.Sqrt(weight)).to(ScalarType.Float32).unsqueeze(0)]);
            mean = ((_mean * _count) + (mean * added)) / total;
        }

        var svd = LowRankSvd.Of(joined, Math.Min(2L * components, Math.Min(joined.size(0), joined.size(1))), Iterations, Seed);
        var (values, vh) = (svd.S.narrow(0, 0, components), svd.Vh.narrow(0, 0, components));
        vh = vh * vh.gather(1, vh.abs().argmax(1, keepdim: true)).sign();
        var likeness = Components is null ? null : nn.functional.cosine_similarity(vh, Components).to(ScalarType.Float64).cpu().data<double>().ToArray();
        Ratios = [.. values.to(ScalarType.Float64).square().cpu().data<double>().ToArray().Select(square => _deviations > 0 ? square / _deviations : 0)];
        _count = total;
        (_mean, Components, Values) = (Kept(mean, _mean), Kept(vh, Components), Kept(values, Values));
        return likeness;

        static Tensor Kept(Tensor tensor, Tensor? before)
        {
            before?.Dispose();
            return tensor.clone().DetachFromDisposeScope();
        }
    }

    public void Dispose()
    {
        _mean?.Dispose();
        Components?.Dispose();
        Values?.Dispose();
    }
}
