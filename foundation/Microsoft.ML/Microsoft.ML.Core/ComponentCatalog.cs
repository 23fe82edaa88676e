using System.Reflection;

namespace Microsoft.ML.Runtime;

/// <summary>The classes that model files may name: those of this library and those of registered assemblies, found by contract name.</summary>
public sealed class ComponentCatalog
{
    private readonly Lock _lock = new();
    private readonly HashSet<Assembly> _assemblies = [];
    private readonly Dictionary<(Type Attribute, string Contract), Type> _extensions = [];
    private readonly Dictionary<(string Assembly, string Signature), Func<IHostEnvironment, ModelLoadContext, object>> _loaders = [];

    /// <summary>The assemblies whose names stand in model files. Their loaders are looked up in our own assemblies of the same simple name.</summary>
    private static readonly HashSet<string> OwnAssemblies =
    [
        "Microsoft.ML.Data", "Microsoft.ML.Transforms", "Microsoft.ML.StandardTrainers", "Microsoft.ML.ImageAnalytics",
    ];

    internal ComponentCatalog()
    {
    }

    public void RegisterAssembly(Assembly assembly, bool throwOnError = true)
    {
        Contracts.CheckValue(assembly, nameof(assembly));
        lock (_lock)
        {
            if (!_assemblies.Add(assembly) || assembly.IsDynamic)
                return;
            foreach (var type in assembly.GetTypes())
            {
                if (!type.IsClass || type.IsAbstract)
                    continue;
                foreach (var attribute in type.GetCustomAttributes<ExtensionBaseAttribute>(inherit: false))
                    AddExtension(attribute, type, throwOnError);
            }
        }
    }

    private void AddExtension(ExtensionBaseAttribute attribute, Type type, bool throwOnError)
    {
        var key = (attribute.GetType(), attribute.ContractName);
        if (_extensions.TryAdd(key, type))
            return;
        if (throwOnError && _extensions[key] != type)
        {
            throw Contracts.Except(
                $"ComponentCatalog cannot register type '{type}' because the contract '{attribute.ContractName}' has already been registered by '{_extensions[key]}'");
        }
    }

    /// <summary>The class marked with an attribute of this contract name, or null.</summary>
    internal Type FindExtension(Type attribute, string contractName)
    {
        lock (_lock)
            return _extensions.GetValueOrDefault((attribute, contractName));
    }

    /// <summary>The loader of a signature in one of this library's own assemblies, or null.</summary>
    internal Func<IHostEnvironment, ModelLoadContext, object> FindLoader(string assembly, string signature)
    {
        if (!OwnAssemblies.Contains(assembly))
            return null;
        lock (_lock)
        {
            if (_loaders.TryGetValue((assembly, signature), out var known))
                return known;
            foreach (var loadable in LoadOwn(assembly))
            {
                var method = loadable.Type.GetMethod("Create", BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic,
                    [typeof(IHostEnvironment), typeof(ModelLoadContext)]);
                _loaders[(assembly, loadable.Signature)] = method.CreateDelegate<Func<IHostEnvironment, ModelLoadContext, object>>();
            }
            return _loaders.GetValueOrDefault((assembly, signature));
        }
    }

    private static IEnumerable<LoadableClassAttribute> LoadOwn(string assembly)
    {
        try
        {
            return Assembly.Load(assembly).GetCustomAttributes<LoadableClassAttribute>();
        }
        catch (FileNotFoundException)
        {
            // The program does not ship this part of the library, so nothing of it can be loaded.
            return [];
        }
    }
}
