using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

// The layers of mixtures of experts.
public sealed partial class WeightSource
{
    /// <summary>A layer that chooses experts.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="older">The path that older checkpoints have for it.</param>
    /// <param name="hidden">Input features.</param>
    /// <param name="experts">Count of experts.</param>
    /// <param name="count">Count of experts that a token goes through.</param>
    /// <exception cref="ModelFormatException">The tensor is missing or has another shape.</exception>
    internal RouterLayer Router(string path, string older, long hidden, long experts, int count)
    {
        var stored = !Has($"{path}.weight") && Has($"{older}.weight") ? older : path;
        return Layers.Add(new RouterLayer(path, Layers.Count, Take($"{stored}.weight", experts, hidden), count, stored));
    }

    /// <summary>A matrix of every expert: one tensor of the checkpoint, or one for each expert, read into its place of the whole.</summary>
    /// <param name="module">Path of the module.</param>
    /// <param name="name">Name of the tensor in it.</param>
    /// <param name="experts">Count of experts.</param>
    /// <param name="outFeatures">Output features of all parts together.</param>
    /// <param name="inFeatures">Input features.</param>
    /// <param name="apart">Names of an expert's tensors in a checkpoint that keeps them apart; they lie below each other and have equally many rows.</param>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    internal ExpertLayer Experts(string module, string name, long experts, long outFeatures, long inFeatures, Func<long, IReadOnlyList<string>> apart)
    {
        if (ShapesOnly || Has($"{module}.{name}") || !Has(apart(0)[0]))
        {
            return Layers.Add(new ExpertLayer(module, name, Layers.Count, Take($"{module}.{name}", experts, outFeatures, inFeatures), null));
        }

        var rows = outFeatures / apart(0).Count;
        ExpertPiece[] pieces = [.. from expert in Range(experts)
                                   from part in apart(expert).Select((piece, k) => (Name: piece, Row: k * rows))
                                   select new ExpertPiece(part.Name, expert, part.Row, rows)];
        foreach (var piece in pieces)
        {
            Check(piece.Name, rows, inFeatures); // before memory is taken for all
        }

        var whole = Detached(empty([experts, outFeatures, inFeatures], _placement.Precision, _placement.Device));
        foreach (var piece in pieces)
        {
            using var place = piece.Of(whole);
            _readInto(Check(piece.Name, rows, inFeatures), place);
        }

        return Layers.Add(new ExpertLayer(module, name, Layers.Count, whole, pieces));

        static IEnumerable<long> Range(long count)
        {
            for (var k = 0L; k < count; k++)
            {
                yield return k;
            }
        }
    }
}
