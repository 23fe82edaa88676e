using System.IO.Compression;
using System.Reflection;
using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>One Model.key entry while it is read, and the way to the entries below it.</summary>
internal sealed class ModelLoadContext : IDisposable
{
    /// <summary>Folders deeper than any pipeline nests: a file that goes on is made to exhaust the stack.</summary>
    private const int MaxDepth = 100;

    /// <summary>Entries over this size may not be packed closer than so many times; numbers and words never are.</summary>
    private const long LargestPacked = 64L << 20, MostPacking = 100;

    private readonly ZipArchive _zip;
    private readonly string _folder;
    private readonly int _depth;
    private readonly ModelFrame.Content _content;

    private ModelLoadContext(ZipArchive zip, string folder, int depth, ModelFrame.Content content)
    {
        _zip = zip;
        _folder = folder;
        _depth = depth;
        _content = content;
        Reader = new BinaryReader(new MemoryStream(content.File, content.PayloadAt, content.PayloadSize, writable: false), Encoding.UTF8);
    }

    public BinaryReader Reader { get; }

    public uint VersionWritten => _content.Written;

    public string Signature => _content.Signature;

    /// <summary>Payload bytes that are still to be read.</summary>
    public long Remaining => Reader.BaseStream.Length - Reader.BaseStream.Position;

    /// <summary>Throws unless the payload is of this signature and of a version that can be read.</summary>
    public void CheckAtModel(VersionInfo version)
    {
        Contracts.CheckDecode(_content.Signature == version.Signature, "Unknown file type");
        Contracts.CheckDecode(_content.Readable <= _content.Written, "Corrupt file header");
        Contracts.CheckDecode(_content.Readable <= version.Written, "Cause: ML.NET tried to load an ML.NET model from the future.");
        Contracts.CheckDecode(_content.Written >= version.OldestReadable, "The file is too old to be read");
    }

    /// <summary>A count of things that take at least so many bytes each: never more than the payload can hold.</summary>
    public int ReadCount(int bytesEach)
    {
        int count = Reader.ReadInt32();
        Contracts.CheckDecode(count >= 0 && (long)count * bytesEach <= Remaining);
        return count;
    }

    public bool ReadBoolByte()
    {
        byte value = Reader.ReadByte();
        Contracts.CheckDecode(value <= 1);
        return value == 1;
    }

    public string LoadString() => StringAt(Reader.ReadInt32());

    /// <summary>The string of a number that stands in the payload or in an extra stream.</summary>
    public string StringAt(int id)
    {
        Contracts.CheckDecode(id >= 0 && id < _content.Strings.Length);
        return _content.Strings[id];
    }

    public string LoadNonEmptyString()
    {
        string text = LoadString();
        Contracts.CheckDecode(text.Length > 0);
        return text;
    }

    public string LoadStringOrNull()
    {
        int id = Reader.ReadInt32();
        Contracts.CheckDecode(id >= -1 && id < _content.Strings.Length);
        return id < 0 ? null : _content.Strings[id];
    }

    /// <summary>The context of the folder's Model.key, or null where there is none.</summary>
    public static ModelLoadContext OpenOrNull(ZipArchive zip, string folder, int depth = 0)
    {
        Contracts.CheckDecode(depth <= MaxDepth, $"The model nests deeper than {MaxDepth} folders");
        var entry = FindEntry(zip, folder.Length == 0 ? "Model.key" : folder + "/Model.key");
        return entry is null ? null : new ModelLoadContext(zip, folder, depth, ModelFrame.Read(ReadAll(entry)));
    }

    public ModelLoadContext OpenSubModel(string name) => OpenSubModelOrNull(name) ?? throw Contracts.ExceptDecode();

    public ModelLoadContext OpenSubModelOrNull(string name) => OpenOrNull(_zip, Combine(name), _depth + 1);

    /// <summary>Loads the part in a folder below this one.</summary>
    public T LoadModel<T>(IHostEnvironment env, string name) where T : class
    {
        using var context = OpenSubModel(name);
        return context.Create<T>(env);
    }

    /// <summary>The bytes of an extra stream beside the Model.key, or null.</summary>
    public byte[] ReadStreamOrNull(string name) => FindEntry(_zip, Combine(name)) is { } entry ? ReadAll(entry) : null;

    private string Combine(string name) => _folder.Length == 0 ? name : _folder + "/" + name;

    public static ZipArchiveEntry FindEntry(ZipArchive zip, string name) => zip.GetEntry(name) ?? zip.GetEntry(name.Replace('/', '\\'));

    /// <summary>Reads an entry without trusting the size it claims.</summary>
    public static byte[] ReadAll(ZipArchiveEntry entry)
    {
        long claimed = entry.Length;
        Contracts.CheckDecode(claimed >= 0 && claimed <= Array.MaxLength, $"The entry '{entry.FullName}' claims {claimed} bytes: too many for a model file");
        Contracts.CheckDecode(claimed <= LargestPacked || claimed / MostPacking <= entry.CompressedLength,
            $"The entry '{entry.FullName}' claims {claimed} bytes packed into {entry.CompressedLength}: made to exhaust memory");
        using var stream = entry.Open();
        using var all = new MemoryStream((int)Math.Min(claimed, 1 << 20));
        var buffer = new byte[1 << 16];
        int read;
        while ((read = stream.Read(buffer)) > 0)
        {
            Contracts.CheckDecode(all.Length + read <= claimed, $"The entry '{entry.FullName}' holds more than the {claimed} bytes it claims");
            all.Write(buffer, 0, read);
        }
        Contracts.CheckDecode(all.Length == claimed, $"The entry '{entry.FullName}' holds {all.Length} bytes, not the {claimed} it claims");
        return all.Length == all.Capacity ? all.GetBuffer() : all.ToArray();
    }

    /// <summary>Makes the component the header names. Only this library's own loaders count: no assembly of the file's choice is loaded here.</summary>
    public T Create<T>(IHostEnvironment env) where T : class
    {
        var create = env.ComponentCatalog.FindLoader(SimpleName(_content.Assembly), _content.LoaderSignature);
        if (create is null)
        {
            throw Contracts.ExceptDecode(
                $"Unknown loader '{_content.LoaderSignature}' of assembly '{_content.Assembly}': this library cannot load such a step");
        }
        try
        {
            return create(env, this) as T ?? throw Contracts.ExceptDecode();
        }
        catch (EndOfStreamException e)
        {
            throw new FormatException("Corrupt model file", e);
        }
    }

    private static string SimpleName(string assembly)
    {
        try
        {
            string name = new AssemblyName(assembly).Name;
            return name is "Microsoft.ML.HalLearners" or "Microsoft.ML.StandardLearners" ? "Microsoft.ML.StandardTrainers" : name;
        }
        catch (Exception e) when (e is ArgumentException or FileLoadException)
        {
            throw Contracts.ExceptDecode($"'{assembly}' is no assembly name");
        }
    }

    public void Dispose() => Reader.Dispose();
}
