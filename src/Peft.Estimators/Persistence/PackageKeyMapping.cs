using System.ComponentModel;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Peft.Estimators.Persistence;

/// <summary>Row type of a saved model: reads nothing.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class PackageKeyInput;

/// <summary>Row type of a saved model: the constant under which its package is looked up.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class PackageKeyOutput
{
    /// <summary>The constant.</summary>
    [ColumnName(TemporaryColumns.Key)]
    public ReadOnlyMemory<char> Key { get; set; }
}

/// <summary>Step of a saved model: writes the key of the package into every row. Made by <c>Model.Load</c>.</summary>
[CustomMappingFactoryAttribute(Contract)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class PackageKeyMapping : CustomMappingFactory<PackageKeyInput, PackageKeyOutput>
{
    internal const string Contract = "Peft.Estimators.PackageKey.v1";

    /// <summary>Its only value.</summary>
    internal const string Key = "package";

    /// <inheritdoc/>
    public override Action<PackageKeyInput, PackageKeyOutput> GetMapping()
        => static (_, output) => output.Key = Key.AsMemory();
}
