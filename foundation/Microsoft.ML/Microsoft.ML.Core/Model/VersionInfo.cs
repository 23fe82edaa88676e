namespace Microsoft.ML;

/// <summary>What a payload calls itself: signature, versions, and who can load it.</summary>
internal sealed record VersionInfo(string Signature, uint Written, uint Readable, uint OldestReadable, string LoaderSignature, string Assembly,
    string AlternativeLoaderSignature = "")
{
    public const string DataAssembly = "Microsoft.ML.Data";
    public const string TransformsAssembly = "Microsoft.ML.Transforms";
    public const string TrainersAssembly = "Microsoft.ML.StandardTrainers";
    public const string ImageAssembly = "Microsoft.ML.ImageAnalytics";

    /// <summary>The full name of the real package's assembly: readers look the loader up there.</summary>
    public string AssemblyFullName => $"{Assembly}, Version=1.0.0.0, Culture=neutral, PublicKeyToken=cc7b13ffcd2ddd51";
}
