namespace Microsoft.ML.SearchSpace.Option;

/// <summary>Options within an option.</summary>
public sealed class SearchSpace : OptionBase
{
    private readonly Dictionary<string, OptionBase> _options = [];

    public SearchSpace()
    {
    }

    public override int FeatureSpaceDim => OptionSet.Dimension(_options);

    public override double[] Default => OptionSet.Default(_options);

    public override int?[] Step => OptionSet.Step(_options);

    public ICollection<string> Keys => _options.Keys;

    public OptionBase this[string key]
    {
        get => _options[key];
        set => _options[key] = value;
    }

    public void Add(string key, OptionBase value) => _options.Add(key, value);

    public override double[] MappingToFeatureSpace(Parameter parameter) => OptionSet.Map(_options, parameter);

    public override Parameter SampleFromFeatureSpace(double[] values) => OptionSet.Sample(_options, values);
}
