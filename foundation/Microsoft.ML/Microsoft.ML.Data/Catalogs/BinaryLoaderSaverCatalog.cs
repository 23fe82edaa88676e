using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Data view files: blocks of columns with types, annotations and row counts.</summary>
public static class BinaryLoaderSaverCatalog
{
    public static IDataView LoadFromBinary(this DataOperationsCatalog catalog, string path)
    {
        Contracts.CheckNonEmpty(path, nameof(path));
        if (!File.Exists(path))
            throw Contracts.ExceptParam(nameof(path), $"File does not exist at path: {path}");
        return DataViewFile.Read(File.ReadAllBytes(path));
    }

    public static IDataView LoadFromBinary(this DataOperationsCatalog catalog, IMultiStreamSource fileSource)
    {
        Contracts.CheckValue(fileSource, nameof(fileSource));
        Contracts.CheckParam(fileSource.Count == 1, nameof(fileSource), $"A data view file is one file, and here are {fileSource.Count}");
        using var stream = fileSource.Open(0);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return DataViewFile.Read(bytes.ToArray());
    }

    public static void SaveAsBinary(this DataOperationsCatalog catalog, IDataView data, Stream stream, bool keepHidden = false)
    {
        Contracts.CheckValue(data, nameof(data));
        Contracts.CheckValue(stream, nameof(stream));
        DataViewFile.Write(data, stream, keepHidden);
    }
}
