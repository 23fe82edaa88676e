using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Normalizers;

/// <summary>Writes every byte of the text's UTF-8 form as a printable character.</summary>
internal sealed class ByteLevelNormalizer : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        ByteAlphabet.Append(source, 0, source.Length, target);
        return true;
    }
}
