using System.IO.Compression;
using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>One Model.key entry while it is written, and the way to the entries below it.</summary>
public sealed class ModelSaveContext : IDisposable
{
    private readonly ZipArchive _zip;
    private readonly string _folder;
    private readonly MemoryStream _payload = new();
    private readonly List<string> _strings = [];
    private readonly Dictionary<string, int> _stringIds = [];
    private VersionInfo _version;

    internal ModelSaveContext(ZipArchive zip, string folder)
    {
        _zip = zip;
        _folder = folder;
        Writer = new BinaryWriter(_payload, Encoding.UTF8, leaveOpen: true);
    }

    internal BinaryWriter Writer { get; }

    internal void SetVersionInfo(VersionInfo version)
    {
        Contracts.CheckValue(version, nameof(version));
        _version = version;
    }

    internal void SaveString(string text) => Writer.Write(IdOf(text));

    internal void SaveNonEmptyString(string text)
    {
        Contracts.CheckNonEmpty(text, nameof(text));
        SaveString(text);
    }

    internal void SaveStringOrNull(string text) => Writer.Write(text is null ? -1 : IdOf(text));

    /// <summary>The number of a string in this part's table: what stands for it in the payload and in extra streams.</summary>
    internal int IdOf(string text)
    {
        Contracts.CheckValue(text, nameof(text));
        if (!_stringIds.TryGetValue(text, out int id))
        {
            id = _strings.Count;
            _strings.Add(text);
            _stringIds.Add(text, id);
        }
        return id;
    }

    /// <summary>Saves a part in a folder of its own.</summary>
    internal void SaveModel(ICanSaveModel part, string name) => SaveModel(_zip, part, Combine(name));

    internal static void SaveModel(ZipArchive zip, ICanSaveModel part, string folder)
    {
        using var context = new ModelSaveContext(zip, folder);
        part.Save(context);
        context.Finish();
    }

    /// <summary>Saves a part whose writing is given.</summary>
    internal void SaveSubModel(string name, Action<ModelSaveContext> save)
    {
        using var context = new ModelSaveContext(_zip, Combine(name));
        save(context);
        context.Finish();
    }

    /// <summary>Writes an extra stream beside the Model.key.</summary>
    internal void SaveStream(string name, Action<Stream> save)
    {
        using var stream = _zip.CreateEntry(Combine(name)).Open();
        save(stream);
    }

    internal void SaveText(string name, Action<TextWriter> save) => SaveStream(name, stream =>
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false)) { NewLine = "\n" };
        save(writer);
    });

    private string Combine(string name) => _folder.Length == 0 ? name : _folder + "/" + name;

    internal void Finish()
    {
        if (_version is null)
            throw Contracts.Except("ModelSignature not specified!");
        Writer.Flush();
        using var stream = _zip.CreateEntry(Combine("Model.key")).Open();
        ModelFrame.Write(stream, _version, _payload, _strings);
    }

    public void Dispose()
    {
        Writer.Dispose();
        _payload.Dispose();
    }
}
