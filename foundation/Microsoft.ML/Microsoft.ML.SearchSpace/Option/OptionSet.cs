namespace Microsoft.ML.SearchSpace.Option;

/// <summary>The coordinates of named options: one option after the other, in the order of their names.</summary>
internal static class OptionSet
{
    private static IEnumerable<KeyValuePair<string, OptionBase>> Ordered(Dictionary<string, OptionBase> options) => options.OrderBy(o => o.Key);

    public static int Dimension(Dictionary<string, OptionBase> options) => options.Values.Sum(o => o.FeatureSpaceDim);

    public static double[] Default(Dictionary<string, OptionBase> options) => Ordered(options).SelectMany(o => o.Value.Default).ToArray();

    public static int?[] Step(Dictionary<string, OptionBase> options) => Ordered(options).SelectMany(o => o.Value.Step).ToArray();

    public static double[] Map(Dictionary<string, OptionBase> options, Parameter parameter) =>
        Ordered(options).SelectMany(o => o.Value.MappingToFeatureSpace(parameter[o.Key])).ToArray();

    public static Parameter Sample(Dictionary<string, OptionBase> options, double[] source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var result = Parameter.CreateNestedParameter();
        int at = 0;
        foreach (var (name, option) in Ordered(options))
        {
            int start = Math.Min(at, source.Length), end = Math.Min(at + option.FeatureSpaceDim, source.Length);
            result[name] = option.SampleFromFeatureSpace(source[start..end]);
            at += option.FeatureSpaceDim;
        }
        return result;
    }
}
