using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>One step of a recurrent network: h ← act(W x + b + U h + c).</summary>
        public sealed class RNNCell : nn.Module<Tensor, Tensor, Tensor>
        {
            private readonly long hidden;
            private readonly Op op;

            internal RNNCell(long inputSize, long hiddenSize, nn.NonLinearities nonLinearity, bool bias, Device? device, ScalarType? dtype) : base(nameof(RNNCell))
            {
                hidden = hiddenSize;
                op = nonLinearity == nn.NonLinearities.ReLU ? Ops.rnn_relu_cell : Ops.rnn_tanh_cell;
                Cell.Register(this, inputSize, hiddenSize, 1, bias, device, dtype);
            }

            public Parameter? weight_ih { get => get_parameter("weight_ih"); set => Cell.Replace(this, "weight_ih", value); }
            public Parameter? weight_hh { get => get_parameter("weight_hh"); set => Cell.Replace(this, "weight_hh", value); }
            public Parameter? bias_ih { get => get_parameter("bias_ih"); set => Cell.Replace(this, "bias_ih", value); }
            public Parameter? bias_hh { get => get_parameter("bias_hh"); set => Cell.Replace(this, "bias_hh", value); }

            public override Tensor forward(Tensor input, Tensor? h0 = null) => Cell.Step(op, this, input, h0, hidden);
        }

        /// <summary>One step of a gated recurrent unit.</summary>
        public sealed class GRUCell : nn.Module<Tensor, Tensor, Tensor>
        {
            private readonly long hidden;

            internal GRUCell(long inputSize, long hiddenSize, bool bias, Device? device, ScalarType? dtype) : base(nameof(GRUCell))
            {
                hidden = hiddenSize;
                Cell.Register(this, inputSize, hiddenSize, 3, bias, device, dtype);
            }

            public Parameter? weight_ih { get => get_parameter("weight_ih"); set => Cell.Replace(this, "weight_ih", value); }
            public Parameter? weight_hh { get => get_parameter("weight_hh"); set => Cell.Replace(this, "weight_hh", value); }
            public Parameter? bias_ih { get => get_parameter("bias_ih"); set => Cell.Replace(this, "bias_ih", value); }
            public Parameter? bias_hh { get => get_parameter("bias_hh"); set => Cell.Replace(this, "bias_hh", value); }

            public override Tensor forward(Tensor input, Tensor? h0 = null) => Cell.Step(Ops.gru_cell, this, input, h0, hidden);
        }

        /// <summary>One step of long short-term memory.</summary>
        public sealed class LSTMCell : nn.Module<Tensor, (Tensor, Tensor)?, (Tensor, Tensor)>
        {
            private readonly long hidden;

            internal LSTMCell(long inputSize, long hiddenSize, bool bias, Device? device, ScalarType? dtype) : base(nameof(LSTMCell))
            {
                hidden = hiddenSize;
                Cell.Register(this, inputSize, hiddenSize, 4, bias, device, dtype);
            }

            public Parameter? weight_ih { get => get_parameter("weight_ih"); set => Cell.Replace(this, "weight_ih", value); }
            public Parameter? weight_hh { get => get_parameter("weight_hh"); set => Cell.Replace(this, "weight_hh", value); }
            public Parameter? bias_ih { get => get_parameter("bias_ih"); set => Cell.Replace(this, "bias_ih", value); }
            public Parameter? bias_hh { get => get_parameter("bias_hh"); set => Cell.Replace(this, "bias_hh", value); }

            public override (Tensor, Tensor) forward(Tensor input, (Tensor, Tensor)? h0_c0)
            {
                using var scope = NewDisposeScope();
                bool single = input.dim() == 1;
                var x = single ? input.unsqueeze(0) : input;
                var (h, c) = h0_c0 ?? (Cell.Start(input, hidden), Cell.Start(input, hidden));
                if (single) (h, c) = (h.unsqueeze(0), c.unsqueeze(0));
                var (state, cell) = Ops.lstm_cell.Call(x, new Tensor[] { h, c }, weight_ih, weight_hh, bias_ih, bias_hh).T2;
                if (single) (state, cell) = (state.squeeze(0), cell.squeeze(0));
                return (state.MoveToOuterDisposeScope(), cell.MoveToOuterDisposeScope());
            }

            public new (Tensor, Tensor) call(Tensor input, (Tensor, Tensor)? h0_c0 = null) => base.call(input, h0_c0);
        }

        internal static class Cell
        {
            internal static void Register(nn.Module module, long input, long hidden, long gates, bool bias, Device? device, ScalarType? dtype)
            {
                if (hidden <= 0) throw new ArgumentException($"A cell has a hidden size above 0, not {hidden}.");
                double bound = 1 / Math.Sqrt(hidden);
                Add("weight_ih", gates * hidden, input);
                Add("weight_hh", gates * hidden, hidden);
                if (!bias) return;
                Add("bias_ih", gates * hidden);
                Add("bias_hh", gates * hidden);

                void Add(string name, params long[] size)
                {
                    var p = Linear.Own(empty(size, dtype, device));
                    nn.init.uniform_(p, -bound, bound).Dispose();
                    module.register_parameter(name, p);
                }
            }

            internal static void Replace(nn.Module module, string name, Parameter? value)
            {
                ArgumentNullException.ThrowIfNull(value, name);
                var old = module.get_parameter(name);
                if (ReferenceEquals(old, value)) return;
                value.DetachFromDisposeScope();
                module.register_parameter(name, value);
                old?.Dispose();
            }

            internal static Tensor Start(Tensor input, long hidden) =>
                input.dim() == 1 ? zeros([hidden], input.dtype, input.device) : zeros([input.size(0), hidden], input.dtype, input.device);

            internal static Tensor Step(Op op, nn.Module module, Tensor input, Tensor? state, long hidden)
            {
                using var scope = NewDisposeScope();
                bool single = input.dim() == 1;
                var x = single ? input.unsqueeze(0) : input;
                var h = state ?? Start(input, hidden);
                if (single) h = h.unsqueeze(0);
                var next = op.Call(x, h, module.get_parameter("weight_ih"), module.get_parameter("weight_hh"), module.get_parameter("bias_ih"), module.get_parameter("bias_hh")).T;
                return (single ? next.squeeze(0) : next).MoveToOuterDisposeScope();
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static RNNCell RNNCell(long inputSize, long hiddenSize, NonLinearities nonLinearity = NonLinearities.Tanh, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(inputSize, hiddenSize, nonLinearity, bias, device, dtype);

            public static GRUCell GRUCell(long inputSize, long hiddenSize, bool bias = true, Device? device = null, ScalarType? dtype = null) => new(inputSize, hiddenSize, bias, device, dtype);

            public static LSTMCell LSTMCell(long inputSize, long hiddenSize, bool bias = true, Device? device = null, ScalarType? dtype = null) => new(inputSize, hiddenSize, bias, device, dtype);
        }
    }
}
