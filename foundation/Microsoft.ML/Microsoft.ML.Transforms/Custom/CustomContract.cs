using System.Reflection;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("CustomTransformer", typeof(CustomContract))]

namespace Microsoft.ML.Transforms;

/// <summary>How custom mappings are saved: by the name of a contract and the assembly its factory lives in.</summary>
internal static class CustomContract
{
    private static readonly VersionInfo Version =
        new("CUSTOMXF", 0x00010002, 0x00010002, 0x00010001, "CustomTransformer", VersionInfo.TransformsAssembly);

    public static void Save(ModelSaveContext ctx, string contractName, Delegate mapping)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        Contracts.Check(!string.IsNullOrEmpty(contractName), "Empty contract name for a transform: the transform cannot be saved");
        ctx.SetVersionInfo(Version);
        ctx.SaveString(contractName);
        ctx.SaveString(mapping.Method.DeclaringType.Assembly.FullName);
    }

    private static ITransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        string contract = ctx.LoadNonEmptyString();
        if (ctx.VersionWritten >= 0x00010002)
            env.ComponentCatalog.RegisterAssembly(Assembly.Load(ctx.LoadNonEmptyString()), throwOnError: false);
        var factory = env.ComponentCatalog.FindExtension(typeof(CustomMappingFactoryAttributeAttribute), contract)
            ?? throw Contracts.Except($"Contract '{contract}' was not found: no class marked with it is in a registered assembly");
        return Activator.CreateInstance(factory) is ICustomMappingFactory made
            ? made.CreateTransformer(env, contract)
            : throw Contracts.Except($"'{factory}', which is marked with the contract '{contract}', is no custom mapping factory");
    }
}
