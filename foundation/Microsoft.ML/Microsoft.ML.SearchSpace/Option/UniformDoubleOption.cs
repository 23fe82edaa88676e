namespace Microsoft.ML.SearchSpace.Option;

/// <summary>A double between two bounds.</summary>
public sealed class UniformDoubleOption : UniformNumericOption
{
    public UniformDoubleOption(double min, double max, bool logBase = false, double? defaultValue = null) : base(min, max, logBase)
    {
        if (defaultValue is double value)
            Default = [Coordinate(value)];
    }
}
