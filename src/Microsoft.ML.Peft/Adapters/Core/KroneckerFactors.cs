using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The trained tensors of a LoKr, by their names in files: W₁ and W₂, each whole or of low rank.</summary>
internal sealed class KroneckerFactors
{
    private const string W1 = "lokr_w1", W1A = "lokr_w1_a", W1B = "lokr_w1_b", W2 = "lokr_w2", W2A = "lokr_w2_a", W2B = "lokr_w2_b", T2 = "lokr_t2";

    private readonly nn.Module _owner;
    private readonly Dictionary<string, Parameter> _tensors = new(StringComparer.Ordinal);

    /// <summary>Takes the tensors over; the module trains and keeps them.</summary>
    public KroneckerFactors(nn.Module owner, IEnumerable<(string Name, Tensor Values)> tensors)
    {
        _owner = owner;
        Put(tensors);
    }

    /// <summary>W₁ (l, m).</summary>
    public Tensor First => Of(W1) ?? Of(W1A)!.mm(Of(W1B)!);

    /// <summary>W₂ (k, n), of a convolution (k, n·kernel) or (k, n, kernel…).</summary>
    public Tensor Second => Of(W2) ?? (Of(T2) is { } core ? LycorisConvolution.Joined(core, Of(W2A)!, Of(W2B)!) : Of(W2A)!.mm(Of(W2B)!));

    /// <summary>New tensors for a matrix of l·k rows and m·n columns, by HF PEFT's rule, with their start values; of a convolution with the sizes of its kernel.</summary>
    public static IEnumerable<(string Name, Tensor Values)> Start(
        (long L, long K) rows, (long M, long N) columns, int rank, LoKrOptions options, Initialization start, params long[] kernel)
    {
        var positions = kernel.Aggregate(1L, (product, size) => product * size);
        var (zeroFirst, zeroSecond) = (options.Start == LoKrStart.Default, options.Start == LoKrStart.Lycoris);
        if (options.DecomposeBoth && 2 * rank < Math.Max(rows.L, columns.M))
        {
            yield return (W1A, Values(zeroFirst, rows.L, rank));
            yield return (W1B, Values(false, rank, columns.M));
        }
        else
        {
            yield return (W1, Values(zeroFirst, rows.L, columns.M));
        }

        if (2 * rank >= Math.Max(rows.K, columns.N))
        {
            yield return (W2, Values(zeroSecond, [rows.K, columns.N, .. kernel]));
        }
        else if (options.FactorsKernel && positions > 1)
        {
            yield return (T2, Values(false, rank, rank, kernel[0], kernel.Length > 1 ? kernel[1] : 1));
            yield return (W2A, Values(false, rank, rows.K));
            yield return (W2B, Values(zeroSecond, rank, columns.N));
        }
        else
        {
            yield return (W2A, Values(false, rows.K, rank));
            yield return (W2B, Values(zeroSecond, rank, columns.N * positions));
        }

        Tensor Values(bool zero, params long[] shape) => zero ? start.Zeros(shape) : start.KaimingUniformFilters(shape);
    }

    /// <summary>Whole factors.</summary>
    public static IEnumerable<(string Name, Tensor Values)> Whole(Tensor first, Tensor second) => [(W1, first), (W2, second)];

    /// <summary>Makes room for the sizes of a file, where they are those of a matrix (rows, columns): files of LyCORIS have others than HF PEFT's rule gives.</summary>
    public void Expect(IReadOnlyDictionary<string, long[]> shapes, long rows, long columns)
    {
        if (Product(W1, W1A, W1B) is not { } first || Product(W2, W2A, W2B) is not { } second || first.Rows * second.Rows != rows || first.Columns * second.Columns != columns)
        {
            return; // the comparison with what there is says what is wrong
        }

        string[] names = [W1, W1A, W1B, W2, W2A, W2B];
        var found = names.Where(shapes.ContainsKey).ToArray();
        if (found.Length != _tensors.Count || !found.All(name => Of(name) is { } tensor && tensor.shape.AsSpan().SequenceEqual(shapes[name])))
        {
            var device = _tensors.Values.First().device;
            Put([.. found.Select(name => (name, zeros(shapes[name], device: device)))]);
        }

        (long Rows, long Columns)? Product(string whole, string left, string right)
        {
            var (w, a, b) = (shapes.GetValueOrDefault(whole), shapes.GetValueOrDefault(left), shapes.GetValueOrDefault(right));
            return (w, a, b) switch
            {
                ({ Length: 2 }, null, null) => (w[0], w[1]),
                (null, { Length: 2 }, { Length: 2 }) when a[1] == b[0] => (a[0], b[1]),
                _ => null,
            };
        }
    }

    /// <summary>(W₁ ⊗ W₂)·x for x (…, m·n) as W₁·X·W₂ᵀ with X (m, n): no matrix of the layer's size.</summary>
    public Tensor Apply(Tensor x)
    {
        var front = x.shape[..^1];
        var (w1, w1a, w1b, w2, w2a, w2b) = (In(W1), In(W1A), In(W1B), In(W2), In(W2A), In(W2B));
        var m = (w1 ?? w1b!).size(1);
        var t = x.reshape([.. front, m, x.size(-1) / m]);
        t = w2 is not null ? linear(t, w2) : linear(linear(t, w2b!), w2a!); // (…, m, k)
        t = w1 is not null ? matmul(w1, t) : matmul(w1a!, matmul(w1b!, t)); // (…, l, k)
        return t.flatten(-2);

        Tensor? In(string name) => Of(name) is { } tensor ? Adapter.InTypeOf(x, tensor) : null;
    }

    private Parameter? Of(string name) => _tensors.GetValueOrDefault(name);

    private void Put(IEnumerable<(string Name, Tensor Values)> tensors)
    {
        foreach (var (name, old) in _tensors)
        {
            _owner.register_parameter(name, null!);
            old.Dispose();
        }

        _tensors.Clear();
        foreach (var (name, values) in tensors)
        {
            var parameter = new Parameter(values);
            parameter.DetachFromDisposeScope();
            _owner.register_parameter(name, parameter);
            _tensors.Add(name, parameter);
        }
    }
}
