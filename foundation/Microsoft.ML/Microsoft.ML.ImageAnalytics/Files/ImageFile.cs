namespace Microsoft.ML.Data;

/// <summary>Picture files: which kind they are is seen by their first bytes.</summary>
internal static class ImageFile
{
    /// <summary>The picture, or null where the bytes are no picture of a kind that is known.</summary>
    public static Pixels Decode(byte[] file)
    {
        if (JpegFile.IsOne(file))
            return JpegFile.Decode(file);
        if (PngFile.IsOne(file))
            return PngFile.Decode(file);
        return BmpFile.IsOne(file) ? BmpFile.Decode(file) : null;
    }

    /// <summary>Says in one sentence what to install where a native library is missing.</summary>
    public static T WithLibrary<T>(string use, string package, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            throw new NotSupportedException($"{use} needs a native library that was not found; on Debian or Ubuntu install it by 'apt-get install {package}'.", e);
        }
    }
}
