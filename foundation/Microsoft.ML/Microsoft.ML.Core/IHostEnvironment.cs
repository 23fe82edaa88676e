namespace Microsoft.ML.Runtime;

/// <summary>Where components run: registers hosts, knows the loadable classes.</summary>
public interface IHostEnvironment : IChannelProvider, IProgressChannelProvider
{
    ComponentCatalog ComponentCatalog { get; }

    IHost Register(string name, int? seed = null, bool? verbose = null);
}

/// <summary>The environment of one component, with its own random numbers.</summary>
public interface IHost : IHostEnvironment
{
    Random Rand { get; }
}

/// <summary>An environment whose seed is known.</summary>
internal interface ISeededEnvironment : IHostEnvironment
{
    int? Seed { get; }
}
