using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Sizes and variants of a <see cref="PreNormBlock"/>.</summary>
internal sealed record BlockForm(BlockNames Names, int Hidden, int Inner, int Heads, double Eps, Func<Tensor, Tensor> Activation)
{
    private readonly int _headSize;

    /// <summary>Width of a head. Default: <see cref="Hidden"/> ÷ <see cref="Heads"/>; a block from which heads were cut out keeps that of all of them.</summary>
    public int HeadSize
    {
        get => _headSize == 0 ? Hidden / Heads : _headSize;
        init => _headSize = value;
    }

    /// <summary>Whether query and value have a bias.</summary>
    public bool QueryBias { get; init; } = true;

    /// <summary>Whether the key has a bias.</summary>
    public bool KeyBias { get; init; } = true;

    /// <summary>Dropout of what each part adds.</summary>
    public double Dropout { get; init; }

    /// <summary>Dropout of the attention weights.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>Dropout after the activation.</summary>
    public double InnerDropout { get; init; }
}

/// <summary>Names of a block's layers below its path.</summary>
internal sealed record BlockNames(
    string Norm1, string Query, string Key, string Value, string Output, string Norm2, string Up, string Down);
