using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A bidirectional LSTM over one row; parameters start as PyTorch's, uniform on ±1/√hidden.</summary>
/// <remarks>Each step: (i, f, g, o) = W·x + b + V·h + c; c ← σ(f)·c + σ(i)·tanh(g); h ← σ(o)·tanh(c).</remarks>
internal sealed class LstmStack
{
    private readonly int _hidden;
    private readonly double _dropout;
    private readonly List<Parameter[][]> _layers = []; // by layer and direction: W (4·hidden, in), V (4·hidden, hidden), b, c (4·hidden)

    /// <param name="width">Width of the input.</param>
    /// <param name="hidden">Width of one direction.</param>
    /// <param name="layers">Count of layers.</param>
    /// <param name="dropout">Share that is dropped between layers while training.</param>
    /// <param name="draw">Makes a parameter of a name, a bound of its numbers and a shape.</param>
    public LstmStack(int width, int hidden, int layers, double dropout, Func<string, double, long[], Parameter> draw)
    {
        (_hidden, _dropout) = (hidden, dropout);
        var bound = 1 / Math.Sqrt(hidden);
        for (var k = 0; k < layers; k++)
        {
            long input = k == 0 ? width : 2 * hidden;
            _layers.Add([Direction(""), Direction("_reverse")]);

            Parameter[] Direction(string suffix) =>
            [
                draw($"weight_ih_l{k}{suffix}", bound, [4 * hidden, input]),
                draw($"weight_hh_l{k}{suffix}", bound, [4 * hidden, hidden]),
                draw($"bias_ih_l{k}{suffix}", bound, [4 * hidden]),
                draw($"bias_hh_l{k}{suffix}", bound, [4 * hidden]),
            ];
        }
    }

    /// <summary>(n, in) gives (n, 2·hidden).</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        for (var k = 0; k < _layers.Count; k++)
        {
            x = k == 0 ? x : context.Dropout(x, _dropout);
            x = cat([Run(x, _layers[k][0], back: false), Run(x, _layers[k][1], back: true)], 1);
        }

        return x;
    }

    private Tensor Run(Tensor x, Parameter[] parameters, bool back)
    {
        var steps = (int)x.size(0);
        var inputs = nn.functional.linear(x, parameters[0], parameters[2]); // (n, 4·hidden)
        var state = zeros([1, _hidden], x.dtype, x.device);
        var cell = state;
        var outputs = new Tensor[steps];
        for (var step = 0; step < steps; step++)
        {
            var place = back ? steps - 1 - step : step;
            var gates = inputs.narrow(0, place, 1) + nn.functional.linear(state, parameters[1], parameters[3]);
            cell = Gate(1).sigmoid() * cell + (Gate(0).sigmoid() * Gate(2).tanh());
            state = Gate(3).sigmoid() * cell.tanh();
            outputs[place] = state;

            Tensor Gate(int which) => gates.narrow(1, which * _hidden, _hidden);
        }

        return cat(outputs, 0);
    }
}
