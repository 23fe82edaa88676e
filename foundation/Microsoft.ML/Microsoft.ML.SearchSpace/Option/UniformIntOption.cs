namespace Microsoft.ML.SearchSpace.Option;

/// <summary>A whole number between two bounds; the upper one is reached only at coordinate 1.</summary>
public sealed class UniformIntOption : UniformNumericOption
{
    public UniformIntOption(int min, int max, bool logBase = false, int? defaultValue = null) : base(min, max, logBase)
    {
        if (defaultValue is int value)
            Default = [Coordinate(value)];
    }

    public override double[] MappingToFeatureSpace(Parameter param) => [Coordinate(param.AsType<int>())];

    public override Parameter SampleFromFeatureSpace(double[] values) => Parameter.FromInt(Convert.ToInt32(Math.Floor(At(values[0]))));
}
