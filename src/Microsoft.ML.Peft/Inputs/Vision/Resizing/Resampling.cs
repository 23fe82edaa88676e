namespace Microsoft.ML.Peft.Inputs.Vision.Resizing;

/// <summary>How pixels are weighted when a picture is made smaller or larger; the numbers are Pillow's, as <c>preprocessor_config.json</c> has them.</summary>
public enum Resampling
{
    /// <summary>The pixel under the middle of the new one.</summary>
    Nearest = 0,

    /// <summary>sinc(x)·sinc(x/3) within 3 pixels.</summary>
    Lanczos = 1,

    /// <summary>1 − |x| within 1 pixel.</summary>
    Bilinear = 2,

    /// <summary>Keys' cubic with a = −0.5 within 2 pixels.</summary>
    Bicubic = 3,

    /// <summary>The mean over half a pixel to each side.</summary>
    Box = 4,

    /// <summary>A Hamming-windowed sinc within 1 pixel.</summary>
    Hamming = 5,
}
