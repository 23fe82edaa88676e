namespace Microsoft.ML.Peft.Inputs.Vision;

/// <summary>Width and height in pixels.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Number of rows.</param>
public readonly record struct ImageSize(int Width, int Height)
{
    /// <summary>Width x height.</summary>
    public override string ToString() => $"{Width} x {Height}";
}
