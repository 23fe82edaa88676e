using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        // The weights of a recurrent network, in the order and under the names that PyTorch has: for each layer and direction
        // weight_ih, weight_hh, bias_ih, bias_hh.
        internal sealed class RecurrentWeights
        {
            private readonly nn.Module module;
            private readonly string[] names;
            private readonly long layers, hidden;
            private readonly bool bias, bothWays;

            internal RecurrentWeights(nn.Module module, Shape shape, Device? device, ScalarType? dtype)
            {
                if (shape.Hidden <= 0 || shape.Layers <= 0) throw new ArgumentException($"A recurrent network has a hidden size and layers above 0, not {shape.Hidden} and {shape.Layers}.");
                if (shape.Dropout is < 0 or > 1) throw new ArgumentException($"dropout should be a number in range [0, 1] representing the probability of an element being zeroed, not {shape.Dropout}");
                (this.module, layers, hidden, bias, bothWays) = (module, shape.Layers, shape.Hidden, shape.Bias, shape.BothWays);
                var all = new List<string>();
                double bound = 1 / Math.Sqrt(hidden);
                for (int layer = 0; layer < layers; layer++)
                {
                    foreach (var end in bothWays ? new[] { "", "_reverse" } : [""])
                    {
                        long input = layer == 0 ? shape.Input : hidden * (bothWays ? 2 : 1);
                        Add($"weight_ih_l{layer}{end}", shape.Gates * hidden, input);
                        Add($"weight_hh_l{layer}{end}", shape.Gates * hidden, hidden);
                        if (!bias) continue;
                        Add($"bias_ih_l{layer}{end}", shape.Gates * hidden);
                        Add($"bias_hh_l{layer}{end}", shape.Gates * hidden);
                    }
                }
                names = [.. all];

                void Add(string name, params long[] size)
                {
                    var p = Linear.Own(empty(size, dtype, device));
                    nn.init.uniform_(p, -bound, bound).Dispose();
                    module.register_parameter(name, p);
                    all.Add(name);
                }
            }

            internal readonly record struct Shape(long Input, long Hidden, long Layers, long Gates, bool Bias, double Dropout, bool BothWays);

            internal Parameter[] All() => Array.ConvertAll(names, n => module.get_parameter(n)!);

            internal Parameter At(string name, long layer) => module.get_parameter($"{name}_l{layer}")!;

            /// <summary>The state at the start where none is given.</summary>
            internal Tensor Start(Tensor input, bool batchFirst)
            {
                long states = layers * (bothWays ? 2 : 1);
                return input.dim() == 2 ? zeros([states, hidden], input.dtype, input.device)
                    : zeros([states, input.size(batchFirst ? 0 : 1), hidden], input.dtype, input.device);
            }
        }

        /// <summary>h ← act(W x + b + U h + c), layer over layer.</summary>
        public sealed class RNN : nn.Module<Tensor, Tensor, (Tensor, Tensor)>
        {
            private readonly RecurrentWeights weights;
            private readonly RecurrentWeights.Shape shape;
            private readonly bool batchFirst;
            private readonly Op op;

            internal RNN(long inputSize, long hiddenSize, long numLayers, nn.NonLinearities nonLinearity, bool bias, bool batchFirst, double dropout, bool bidirectional, Device? device, ScalarType? dtype) : base(nameof(RNN))
            {
                shape = new(inputSize, hiddenSize, numLayers, 1, bias, dropout, bidirectional);
                weights = new(this, shape, device, dtype);
                this.batchFirst = batchFirst;
                op = nonLinearity == nn.NonLinearities.ReLU ? Ops.rnn_relu_input : Ops.rnn_tanh_input;
            }

            public override (Tensor, Tensor) forward(Tensor input, Tensor? h0)
            {
                using var scope = NewDisposeScope();
                var (output, state) = Recurrence.Run(op, input, h0, weights, shape, training, batchFirst);
                return (output.MoveToOuterDisposeScope(), state.MoveToOuterDisposeScope());
            }

            public new (Tensor, Tensor) call(Tensor input, Tensor? h0 = null) => base.call(input, h0!);

            public Parameter? get_bias_ih(long idx) => shape.Bias ? weights.At("bias_ih", idx) : null;
            public Parameter? get_bias_hh(long idx) => shape.Bias ? weights.At("bias_hh", idx) : null;
            public Parameter? get_weight_ih(long idx) => weights.At("weight_ih", idx);
            public Parameter? get_weight_hh(long idx) => weights.At("weight_hh", idx);

            /// <summary>Weights lie where they are; there is nothing to gather.</summary>
            public void flatten_parameters() { }
        }

        /// <summary>Gated recurrent units.</summary>
        public sealed class GRU : nn.Module<Tensor, Tensor, (Tensor, Tensor)>
        {
            private readonly RecurrentWeights weights;
            private readonly RecurrentWeights.Shape shape;
            private readonly bool batchFirst;

            internal GRU(long inputSize, long hiddenSize, long numLayers, bool bias, bool batchFirst, double dropout, bool bidirectional, Device? device, ScalarType? dtype) : base(nameof(GRU))
            {
                shape = new(inputSize, hiddenSize, numLayers, 3, bias, dropout, bidirectional);
                weights = new(this, shape, device, dtype);
                this.batchFirst = batchFirst;
            }

            public override (Tensor, Tensor) forward(Tensor input, Tensor? h0 = null)
            {
                using var scope = NewDisposeScope();
                var (output, state) = Recurrence.Run(Ops.gru_input, input, h0, weights, shape, training, batchFirst);
                return (output.MoveToOuterDisposeScope(), state.MoveToOuterDisposeScope());
            }

            public new (Tensor, Tensor) call(Tensor input, Tensor? h0 = null) => base.call(input, h0!);

            /// <summary>Weights lie where they are; there is nothing to gather.</summary>
            public void flatten_parameters() { }
        }

        /// <summary>Long short-term memory.</summary>
        public sealed class LSTM : nn.Module<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)>
        {
            private readonly RecurrentWeights weights;
            private readonly RecurrentWeights.Shape shape;
            private readonly bool batchFirst;

            internal LSTM(long inputSize, long hiddenSize, long numLayers, bool bias, bool batchFirst, double dropout, bool bidirectional, Device? device, ScalarType? dtype) : base(nameof(LSTM))
            {
                shape = new(inputSize, hiddenSize, numLayers, 4, bias, dropout, bidirectional);
                weights = new(this, shape, device, dtype);
                this.batchFirst = batchFirst;
            }

            public override (Tensor, Tensor, Tensor) forward(Tensor input, (Tensor, Tensor)? h0_c0 = null)
            {
                using var scope = NewDisposeScope();
                bool single = input.dim() == 2; // one sequence, not a batch
                var x = single ? input.unsqueeze(batchFirst ? 0 : 1) : input;
                var (h, c) = h0_c0 ?? (weights.Start(input, batchFirst), weights.Start(input, batchFirst));
                if (single) (h, c) = (h.unsqueeze(1), c.unsqueeze(1));
                var (output, hidden, cell) = Ops.lstm_input.Call(x, new Tensor[] { h, c }, weights.All(), shape.Bias, shape.Layers, shape.Dropout, training, shape.BothWays, batchFirst).T3;
                if (single) (output, hidden, cell) = (output.squeeze(batchFirst ? 0 : 1), hidden.squeeze(1), cell.squeeze(1));
                return (output.MoveToOuterDisposeScope(), hidden.MoveToOuterDisposeScope(), cell.MoveToOuterDisposeScope());
            }

            public new (Tensor, Tensor, Tensor) call(Tensor input, (Tensor, Tensor)? h0_c0 = null) => base.call(input, h0_c0);

            /// <summary>Weights lie where they are; there is nothing to gather.</summary>
            public void flatten_parameters() { }
        }

        internal static class Recurrence
        {
            internal static (Tensor, Tensor) Run(Op op, Tensor input, Tensor? start, RecurrentWeights weights, RecurrentWeights.Shape shape, bool training, bool batchFirst)
            {
                bool single = input.dim() == 2; // one sequence, not a batch
                var x = single ? input.unsqueeze(batchFirst ? 0 : 1) : input;
                var h = start ?? weights.Start(input, batchFirst);
                if (single) h = h.unsqueeze(1);
                var (output, state) = op.Call(x, h, weights.All(), shape.Bias, shape.Layers, shape.Dropout, training, shape.BothWays, batchFirst).T2;
                return single ? (output.squeeze(batchFirst ? 0 : 1), state.squeeze(1)) : (output, state);
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public enum NonLinearities
            {
                ReLU = 0,
                Tanh = 1,
            }

            public static RNN RNN(long inputSize, long hiddenSize, long numLayers = 1L, NonLinearities nonLinearity = NonLinearities.Tanh, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false, Device? device = null, ScalarType? dtype = null) =>
                new(inputSize, hiddenSize, numLayers, nonLinearity, bias, batchFirst, dropout, bidirectional, device, dtype);

            public static GRU GRU(long inputSize, long hiddenSize, long numLayers = 1L, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false, Device? device = null, ScalarType? dtype = null) =>
                new(inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional, device, dtype);

            public static LSTM LSTM(long inputSize, long hiddenSize, long numLayers = 1L, bool bias = true, bool batchFirst = false, double dropout = 0, bool bidirectional = false, Device? device = null, ScalarType? dtype = null) =>
                new(inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional, device, dtype);
        }
    }
}
