namespace Microsoft.ML.SearchSpace.Option;

/// <summary>A single between two bounds.</summary>
public sealed class UniformSingleOption : UniformNumericOption
{
    public UniformSingleOption(float min, float max, bool logBase = false, float? defaultValue = null) : base(min, max, logBase)
    {
        if (defaultValue is float value)
            Default = [Coordinate(value)];
    }

    public override double[] MappingToFeatureSpace(Parameter param) => [Coordinate(param.AsType<float>())];

    public override Parameter SampleFromFeatureSpace(double[] values) => Parameter.FromFloat((float)At(values[0]));
}
