namespace Microsoft.ML.SearchSpace.Option;

/// <summary>A number between two bounds, evenly spread on a linear or logarithmic scale.</summary>
/// <remarks>As in the real library, bounds and coordinates are not checked: what lies outside is extrapolated.</remarks>
public abstract class UniformNumericOption : OptionBase
{
    public UniformNumericOption(double min, double max, bool logBase = false)
    {
        Min = min;
        Max = max;
        LogBase = logBase;
        Default = [0];
    }

    public double Min { get; }

    public double Max { get; }

    public bool LogBase { get; }

    public override int FeatureSpaceDim => 1;

    public override int?[] Step => [null];

    public override double[] MappingToFeatureSpace(Parameter param) => [Coordinate(param.AsType<double>())];

    public override Parameter SampleFromFeatureSpace(double[] values) => Parameter.FromDouble(At(values[0]));

    private protected double At(double coordinate) =>
        LogBase ? Min * Math.Pow(Max / Min, coordinate) : Min + (Max - Min) * coordinate;

    private protected double Coordinate(double value)
    {
        // Two quotients, not one: the last bits are those of the recorded values.
        if (!LogBase)
            return value / (Max - Min) - Min / (Max - Min);
        double low = Math.Log(Min), span = Math.Log(Max) - low;
        return Math.Log(value) / span - low / span;
    }
}
