using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Streams to load data from.</summary>
public interface IMultiStreamSource
{
    int Count { get; }

    string GetPathOrNull(int index);

    Stream Open(int index);

    TextReader OpenTextReader(int index);
}

/// <summary>Files by path; a name may hold wild cards, "..." stands for all folders below, '+' joins several.</summary>
public sealed class MultiFileSource : IMultiStreamSource
{
    private readonly string[] _paths;

    public MultiFileSource(params string[] paths)
    {
        foreach (string path in paths ?? [])
            Contracts.CheckNonEmpty(path, nameof(paths));
        _paths = (paths ?? []).SelectMany(Expand).ToArray();
    }

    private static IEnumerable<string> Expand(string path)
    {
        foreach (string part in path.Split('+', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = Path.GetFileName(part), folder = Path.GetDirectoryName(part) ?? "";
            bool deep = folder == "..." || folder.EndsWith(Path.DirectorySeparatorChar + "...");
            if (!deep && !name.Contains('*') && !name.Contains('?'))
            {
                yield return part;
                continue;
            }
            if (deep)
                folder = folder == "..." ? "" : folder[..^4];
            string root = folder.Length == 0 ? "." : folder;
            if (!Directory.Exists(root))
                continue;
            var depth = deep ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly;
            foreach (string file in Directory.GetFiles(root, name, depth).Order(StringComparer.Ordinal))
                yield return file;
        }
    }

    public int Count => _paths.Length;

    public string GetPathOrNull(int index)
    {
        Contracts.CheckParam(0 <= index && index < _paths.Length, nameof(index));
        return _paths[index];
    }

    public Stream Open(int index) => new FileStream(GetPathOrNull(index), FileMode.Open, FileAccess.Read, FileShare.Read);

    public TextReader OpenTextReader(int index) => new StreamReader(Open(index));
}

/// <summary>One file by its handle.</summary>
public sealed class FileHandleSource : IMultiStreamSource
{
    private readonly IFileHandle _file;

    public FileHandleSource(IFileHandle file)
    {
        Contracts.CheckValue(file, nameof(file));
        Contracts.CheckParam(file.CanRead, nameof(file), "File handle must be readable");
        _file = file;
    }

    public int Count => 1;

    public string GetPathOrNull(int index)
    {
        Contracts.CheckParam(index == 0, nameof(index));
        return null;
    }

    public Stream Open(int index)
    {
        Contracts.CheckParam(index == 0, nameof(index));
        return _file.OpenReadStream();
    }

    public TextReader OpenTextReader(int index) => new StreamReader(Open(index));
}
