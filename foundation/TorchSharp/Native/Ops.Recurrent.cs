namespace TorchSharp;

internal static partial class Ops
{
    internal static readonly Op rnn_tanh_input = new("rnn_tanh.input");
    internal static readonly Op rnn_relu_input = new("rnn_relu.input");
    internal static readonly Op gru_input = new("gru.input");
    internal static readonly Op lstm_input = new("lstm.input");
    internal static readonly Op rnn_tanh_cell = new("rnn_tanh_cell");
    internal static readonly Op rnn_relu_cell = new("rnn_relu_cell");
    internal static readonly Op gru_cell = new("gru_cell");
    internal static readonly Op lstm_cell = new("lstm_cell");
    internal static readonly Op pad_sequence = new("pad_sequence");
}
