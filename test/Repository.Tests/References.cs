using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Repository.Tests;

/// <summary>Which type definitions of an assembly use which others of the same assembly, in signatures and in code.</summary>
internal sealed class References
{
    private static readonly Dictionary<int, OperandType> s_operands = typeof(OpCodes).GetFields()
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => (int)(ushort)o.Value, o => o.OperandType);

    private readonly Metadata _assembly;
    private readonly MetadataReader _reader;
    private readonly Finder _finder = new();
    private readonly Dictionary<TypeDefinitionHandle, HashSet<TypeDefinitionHandle>> _uses = [];

    public References(Metadata assembly)
    {
        _assembly = assembly;
        _reader = assembly.Reader;
        foreach (var handle in _reader.TypeDefinitions)
            _uses[handle] = UsedBy(_reader.GetTypeDefinition(handle));
    }

    /// <summary>Pairs of outermost types: the first one, or a type nested in it, uses the second.</summary>
    public IEnumerable<(string User, string Used)> Pairs() => _uses
        .SelectMany(pair => pair.Value.Select(used => (User: OutermostName(pair.Key), Used: OutermostName(used))))
        .Where(pair => pair.User != pair.Used).Distinct();

    private string OutermostName(TypeDefinitionHandle handle)
    {
        var type = _reader.GetTypeDefinition(handle);
        while (!type.GetDeclaringType().IsNil)
            type = _reader.GetTypeDefinition(type.GetDeclaringType());
        return _reader.GetString(type.Namespace) + "." + _reader.GetString(type.Name);
    }

    private HashSet<TypeDefinitionHandle> UsedBy(TypeDefinition type)
    {
        var used = new HashSet<TypeDefinitionHandle>();
        Add(type.BaseType);
        foreach (var i in type.GetInterfaceImplementations())
            Add(_reader.GetInterfaceImplementation(i).Interface);
        foreach (var f in type.GetFields())
            used.UnionWith(_reader.GetFieldDefinition(f).DecodeSignature(_finder, null));
        foreach (var a in type.GetCustomAttributes())
            Add(_reader.GetCustomAttribute(a).Constructor);
        foreach (var m in type.GetMethods())
        {
            var method = _reader.GetMethodDefinition(m);
            AddSignature(method.DecodeSignature(_finder, null));
            if (_assembly.Body(method) is not { } body)
                continue;
            if (!body.LocalSignature.IsNil)
                foreach (var local in _reader.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(_finder, null))
                    used.UnionWith(local);
            foreach (var region in body.ExceptionRegions)
                Add(region.CatchType);
            foreach (var token in Tokens(body.GetILReader()))
                Add(token);
        }
        return used;

        void AddSignature(MethodSignature<ImmutableHashSet<TypeDefinitionHandle>> signature)
        {
            used.UnionWith(signature.ReturnType);
            foreach (var p in signature.ParameterTypes)
                used.UnionWith(p);
        }

        void Add(EntityHandle handle)
        {
            if (handle.IsNil)
                return;
            switch (handle.Kind)
            {
                case HandleKind.TypeDefinition:
                    used.Add((TypeDefinitionHandle)handle);
                    break;
                case HandleKind.TypeSpecification:
                    used.UnionWith(_reader.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(_finder, null));
                    break;
                case HandleKind.MethodDefinition:
                    used.Add(_reader.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                    break;
                case HandleKind.FieldDefinition:
                    used.Add(_reader.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                    break;
                case HandleKind.MemberReference:
                    Add(_reader.GetMemberReference((MemberReferenceHandle)handle).Parent);
                    break;
                case HandleKind.MethodSpecification:
                    var specification = _reader.GetMethodSpecification((MethodSpecificationHandle)handle);
                    Add(specification.Method);
                    foreach (var argument in specification.DecodeSignature(_finder, null))
                        used.UnionWith(argument);
                    break;
            }
        }
    }

    private static IEnumerable<EntityHandle> Tokens(BlobReader code)
    {
        var handles = new List<EntityHandle>();
        while (code.RemainingBytes > 0)
        {
            int value = code.ReadByte();
            if (value == 0xFE)
                value = 0xFE00 | code.ReadByte();
            switch (s_operands[value])
            {
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.ReadByte();
                    break;
                case OperandType.InlineVar:
                    code.ReadUInt16();
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.ReadUInt64();
                    break;
                case OperandType.InlineSwitch:
                    int targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    break;
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    handles.Add(MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                default:
                    code.ReadInt32();
                    break;
            }
        }
        return handles;
    }

    /// <summary>Collects the definitions in a signature.</summary>
    private sealed class Finder : ISignatureTypeProvider<ImmutableHashSet<TypeDefinitionHandle>, object?>
    {
        private static readonly ImmutableHashSet<TypeDefinitionHandle> s_none = [];

        public ImmutableHashSet<TypeDefinitionHandle> GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => [handle];

        public ImmutableHashSet<TypeDefinitionHandle> GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => s_none;

        public ImmutableHashSet<TypeDefinitionHandle> GetTypeFromSpecification(MetadataReader reader, object? context, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, context);

        public ImmutableHashSet<TypeDefinitionHandle> GetGenericInstantiation(ImmutableHashSet<TypeDefinitionHandle> definition, ImmutableArray<ImmutableHashSet<TypeDefinitionHandle>> arguments) =>
            arguments.Aggregate(definition, (all, argument) => all.Union(argument));

        public ImmutableHashSet<TypeDefinitionHandle> GetFunctionPointerType(MethodSignature<ImmutableHashSet<TypeDefinitionHandle>> signature) =>
            signature.ParameterTypes.Aggregate(signature.ReturnType, (all, parameter) => all.Union(parameter));

        public ImmutableHashSet<TypeDefinitionHandle> GetModifiedType(ImmutableHashSet<TypeDefinitionHandle> modifier, ImmutableHashSet<TypeDefinitionHandle> type, bool isRequired) => type;

        public ImmutableHashSet<TypeDefinitionHandle> GetArrayType(ImmutableHashSet<TypeDefinitionHandle> element, ArrayShape shape) => element;

        public ImmutableHashSet<TypeDefinitionHandle> GetSZArrayType(ImmutableHashSet<TypeDefinitionHandle> element) => element;

        public ImmutableHashSet<TypeDefinitionHandle> GetByReferenceType(ImmutableHashSet<TypeDefinitionHandle> element) => element;

        public ImmutableHashSet<TypeDefinitionHandle> GetPointerType(ImmutableHashSet<TypeDefinitionHandle> element) => element;

        public ImmutableHashSet<TypeDefinitionHandle> GetPinnedType(ImmutableHashSet<TypeDefinitionHandle> element) => element;

        public ImmutableHashSet<TypeDefinitionHandle> GetGenericMethodParameter(object? context, int index) => s_none;

        public ImmutableHashSet<TypeDefinitionHandle> GetGenericTypeParameter(object? context, int index) => s_none;

        public ImmutableHashSet<TypeDefinitionHandle> GetPrimitiveType(PrimitiveTypeCode typeCode) => s_none;
    }
}
