using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Linear layers with a function between them; weights and biases start as PyTorch's, uniform on ±1/√in.</summary>
internal sealed class DenseStack
{
    private readonly List<(Parameter Weight, Parameter Bias)> _layers = [];
    private readonly Func<Tensor, Tensor> _activation;

    /// <param name="widths">Widths of the input and of each layer.</param>
    /// <param name="activation">What stands between the layers.</param>
    /// <param name="draw">Makes a parameter of a name, a bound of its numbers and a shape.</param>
    public DenseStack(IReadOnlyList<long> widths, Func<Tensor, Tensor> activation, Func<string, double, long[], Parameter> draw)
    {
        _activation = activation;
        for (var k = 0; k + 1 < widths.Count; k++)
        {
            var bound = 1 / Math.Sqrt(widths[k]);
            _layers.Add((draw($"{2 * k}_weight", bound, [widths[k + 1], widths[k]]), draw($"{2 * k}_bias", bound, [widths[k + 1]])));
        }
    }

    /// <summary>Weight and bias of the last layer.</summary>
    public (Parameter Weight, Parameter Bias) Last => _layers[^1];

    /// <summary>(n, in) gives (n, out).</summary>
    public Tensor Forward(Tensor x)
    {
        for (var k = 0; k < _layers.Count; k++)
        {
            x = nn.functional.linear(k == 0 ? x : _activation(x), _layers[k].Weight, _layers[k].Bias);
        }

        return x;
    }
}
