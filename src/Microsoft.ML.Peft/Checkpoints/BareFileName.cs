namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>File names that come out of a model: a bare name inside the model's folder, and nothing else.</summary>
internal static class BareFileName
{
    private const int MaxBytes = 255;

    /// <summary>The full path of <paramref name="name"/> in <paramref name="folder"/>, links resolved.</summary>
    /// <exception cref="ModelFormatException">The name or what it links to leaves the folder.</exception>
    public static string Resolve(string folder, string name, string namedBy)
    {
        if (!IsBare(name))
            throw new ModelFormatException(namedBy, ModelFormatError.PathEscape, $"the file name '{Shown(name)}' must be a bare name in the model's folder, without separators, drive or leading dot.");
        var path = Path.Combine(folder, name);
        if (new FileInfo(path).LinkTarget == null)
            return path;
        FileSystemInfo? target;
        try
        {
            target = File.ResolveLinkTarget(path, returnFinalTarget: true);
        }
        catch (IOException e)
        {
            throw new ModelFormatException(namedBy, ModelFormatError.PathEscape, $"the link '{name}' cannot be followed.", e);
        }
        if (target != null && !IsInside(folder, target.FullName) && !IsHubBlob(folder, target.FullName))
            throw new ModelFormatException(namedBy, ModelFormatError.PathEscape, $"'{name}' is a link to a place outside the model's folder.");
        return path;
    }

    private static bool IsBare(string name)
    {
        if (name.Length == 0 || name[0] == '.' || System.Text.Encoding.UTF8.GetByteCount(name) > MaxBytes)
            return false;
        foreach (var c in name)
        {
            if (c is '/' or '\\' or ':' || char.IsControl(c))
                return false;
        }
        return true;
    }

    private static bool IsInside(string folder, string target)
    {
        var root = RealFolder(folder);
        return Path.GetDirectoryName(Path.GetFullPath(target)) is { } parent && RealFolder(parent) == root;
    }

    /// <summary>The download cache of the hub keeps <c>snapshots/revision/name</c> as links into <c>blobs</c> two levels up.</summary>
    private static bool IsHubBlob(string folder, string target)
    {
        var snapshots = Path.GetDirectoryName(RealFolder(folder));
        return snapshots != null && Path.GetFileName(snapshots) == "snapshots"
            && Path.GetDirectoryName(snapshots) is { } model
            && Path.GetDirectoryName(Path.GetFullPath(target)) is { } parent && RealFolder(parent) == Path.Combine(model, "blobs");
    }

    /// <summary>The folder's path with every link in it resolved.</summary>
    private static string RealFolder(string folder)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var parent = Path.GetDirectoryName(path);
        if (parent == null)
            return path;
        var here = Path.Combine(RealFolder(parent), Path.GetFileName(path));
        return Directory.ResolveLinkTarget(here, returnFinalTarget: true) is { } target ? RealFolder(target.FullName) : here;
    }

    private static string Shown(string name) => name.Length <= 100 ? name : name[..100] + "…";
}
