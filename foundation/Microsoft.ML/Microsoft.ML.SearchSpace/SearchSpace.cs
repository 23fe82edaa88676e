using System.Collections;
using System.Text.Json;
using Microsoft.ML.SearchSpace.Option;

namespace Microsoft.ML.SearchSpace;

/// <summary>Named options: what may be varied, as a cube of coordinates from 0 to 1.</summary>
public class SearchSpace : OptionBase, IDictionary<string, OptionBase>
{
    private readonly Dictionary<string, OptionBase> _options;
    private readonly Parameter _given;

    public SearchSpace() => _options = [];

    /// <summary>A copy that shares the options.</summary>
    internal SearchSpace(SearchSpace other) => (_options, _given) = (new(other._options), other._given);

    protected SearchSpace(Type typeInfo, Parameter defaultOption = null) => (_options, _given) = (AttributedOptions.Of(typeInfo), defaultOption);

    private ICollection<KeyValuePair<string, OptionBase>> Pairs => _options;

    public override double[] Default => OptionSet.Default(_options);

    public override int FeatureSpaceDim => OptionSet.Dimension(_options);

    public override int?[] Step => OptionSet.Step(_options);

    public ICollection<string> Keys => _options.Keys;

    public ICollection<OptionBase> Values => _options.Values;

    public int Count => _options.Count;

    public bool IsReadOnly => Pairs.IsReadOnly;

    public OptionBase this[string key]
    {
        get => _options[key];
        set => _options[key] = value;
    }

    public override Parameter SampleFromFeatureSpace(double[] feature)
    {
        var sampled = OptionSet.Sample(_options, feature);
        return _given is null ? sampled : Over(_given, sampled);
    }

    public override double[] MappingToFeatureSpace(Parameter parameter) => OptionSet.Map(_options, parameter);

    /// <summary>The same on every machine: checkpoints of one space are found by it.</summary>
    public override int GetHashCode()
    {
        var middle = new double[FeatureSpaceDim];
        Array.Fill(middle, 0.5);
        uint hash = 31;
        foreach (char c in JsonSerializer.Serialize(SampleFromFeatureSpace(middle)))
            hash = unchecked(hash * 33) ^ c;
        return (int)(hash >> 1);
    }

    // What is sampled replaces what is given; both are kept where only one has a name.
    private static Parameter Over(Parameter below, Parameter above)
    {
        if (above is null)
            return below;
        if (below?.ParameterType != ParameterType.Object || above.ParameterType != ParameterType.Object)
            return above;
        var both = Parameter.CreateNestedParameter();
        foreach (string name in below.Keys.Union(above.Keys))
            both[name] = Over(below.ContainsKey(name) ? below[name] : null, above.ContainsKey(name) ? above[name] : null);
        return both;
    }

    public void Add(string key, OptionBase value) => _options.Add(key, value);

    public void Add(KeyValuePair<string, OptionBase> item) => Pairs.Add(item);

    public void Clear() => _options.Clear();

    public bool Contains(KeyValuePair<string, OptionBase> item) => Pairs.Contains(item);

    public bool ContainsKey(string key) => _options.ContainsKey(key);

    public void CopyTo(KeyValuePair<string, OptionBase>[] array, int arrayIndex) => Pairs.CopyTo(array, arrayIndex);

    public bool Remove(string key) => _options.Remove(key);

    public bool Remove(KeyValuePair<string, OptionBase> item) => Pairs.Remove(item);

    public bool TryGetValue(string key, out OptionBase value) => _options.TryGetValue(key, out value);

    public IEnumerator<KeyValuePair<string, OptionBase>> GetEnumerator() => Pairs.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => Pairs.GetEnumerator();
}

/// <summary>The attributed members of a class as options.</summary>
public sealed class SearchSpace<T> : SearchSpace where T : class, new()
{
    public SearchSpace() : base(typeof(T))
    {
    }

    /// <summary>Members without attributes keep the values given here; options start from their own defaults.</summary>
    public SearchSpace(T defaultOption) : base(typeof(T), Parameter.FromObject(defaultOption))
    {
    }

    public new T SampleFromFeatureSpace(double[] feature) => base.SampleFromFeatureSpace(feature).AsType<T>();

    public double[] MappingToFeatureSpace(T input) => MappingToFeatureSpace(Parameter.FromObject(input));
}
