using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Peft.Golden;

/// <summary>The network that peft trains to make prompts and does not save (P-tuning, prefix tuning with a projection).</summary>
/// <remarks>A file then holds what the network made, so its gradients and the training run cannot be computed from it. One gradient can:
/// that of the network's last bias is the sum of the gradients of what it made.</remarks>
internal static class LostEncoder
{
    /// <summary>The tensor of the file that is made.</summary>
    public const string Made = "prompt_embeddings";

    private const string Encoder = "grad.prompt_encoder.default.";
    private const string Table = Encoder + "embedding.weight";

    private static readonly string[] s_networks = ["mlp_head.", "lstm_head.", "transform."];

    /// <summary>True for a recording of a network.</summary>
    public static bool IsIn(IEnumerable<string> recorded) => recorded.Any(IsOfNetwork);

    /// <summary>True for a gradient of the network, or of the table before it.</summary>
    public static bool Holds(string recorded) => IsOfNetwork(recorded) || recorded == Table;

    /// <summary>Compares the gradient of the last bias.</summary>
    public static Difference Compare(Dictionary<string, Tensor> expected, Dictionary<string, Parameter> parameters)
    {
        var bias = expected.Keys.Where(key => IsOfNetwork(key) && key.EndsWith(".bias", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Last();
        return parameters.TryGetValue(Made, out var made) && made.grad is { } gradient
            ? Difference.Of($"{bias} (sum over prompts)", expected[bias], gradient.sum([0]))
            : new(bias, double.PositiveInfinity);
    }

    /// <summary>What to say of what was not compared.</summary>
    public static string Reason(IEnumerable<string> recorded)
        => $"the file has no prompt encoder, so {recorded.Count(Holds) - 1} gradients and the training run were not compared";

    private static bool IsOfNetwork(string recorded) => s_networks.Any(network => recorded.StartsWith(Encoder + network, StringComparison.Ordinal));
}
