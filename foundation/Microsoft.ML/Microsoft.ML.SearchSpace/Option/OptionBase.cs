namespace Microsoft.ML.SearchSpace.Option;

/// <summary>Maps a value to coordinates from 0 to 1 and back.</summary>
public abstract class OptionBase
{
    protected OptionBase()
    {
    }

    /// <summary>How many coordinates a value takes.</summary>
    public abstract int FeatureSpaceDim { get; }

    /// <summary>The number of values along each coordinate, null where they are without number.</summary>
    public abstract int?[] Step { get; }

    /// <summary>The coordinates of the default.</summary>
    public virtual double[] Default { get; protected set; }

    public abstract Parameter SampleFromFeatureSpace(double[] values);

    public abstract double[] MappingToFeatureSpace(Parameter value);
}
