using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Repository.Tests;

/// <summary>A built assembly, read but never loaded.</summary>
internal sealed class Metadata : IDisposable
{
    private readonly PEReader _pe;

    public Metadata(string path)
    {
        Path = path;
        _pe = new PEReader(File.OpenRead(path));
        Reader = _pe.GetMetadataReader();
    }

    public string Path { get; }

    public MetadataReader Reader { get; }

    public IEnumerable<string> References => Reader.AssemblyReferences.Select(r => Reader.GetString(Reader.GetAssemblyReference(r).Name));

    /// <summary>Names in InternalsVisibleTo.</summary>
    public IEnumerable<string> Friends => AssemblyAttributes("InternalsVisibleToAttribute").Select(name => name.Split(',')[0]);

    /// <summary>The first argument of every attribute of that name on the assembly.</summary>
    public IEnumerable<string> AssemblyAttributes(string attributeName)
    {
        foreach (var handle in Reader.GetAssemblyDefinition().GetCustomAttributes())
        {
            var attribute = Reader.GetCustomAttribute(handle);
            var type = attribute.Constructor.Kind == HandleKind.MemberReference
                ? Reader.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent
                : Reader.GetMethodDefinition((MethodDefinitionHandle)attribute.Constructor).GetDeclaringType();
            string name = type.Kind switch
            {
                HandleKind.TypeReference => Reader.GetString(Reader.GetTypeReference((TypeReferenceHandle)type).Name),
                HandleKind.TypeDefinition => Reader.GetString(Reader.GetTypeDefinition((TypeDefinitionHandle)type).Name),
                _ => "",
            };
            if (name != attributeName)
                continue;
            var value = Reader.GetBlobReader(attribute.Value);
            value.ReadUInt16();   // prolog
            yield return value.ReadSerializedString() ?? "";
        }
    }

    public MethodBodyBlock? Body(MethodDefinition method) =>
        method.RelativeVirtualAddress == 0 ? null : _pe.GetMethodBody(method.RelativeVirtualAddress);

    /// <summary>The debug information beside the assembly.</summary>
    public MetadataReaderProvider Symbols() =>
        MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(System.IO.Path.ChangeExtension(Path, ".pdb")));

    public void Dispose() => _pe.Dispose();
}
