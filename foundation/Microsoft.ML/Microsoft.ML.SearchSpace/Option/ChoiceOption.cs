namespace Microsoft.ML.SearchSpace.Option;

/// <summary>One of several values; a single one takes no coordinate.</summary>
public sealed class ChoiceOption : OptionBase
{
    public ChoiceOption(params object[] choices)
    {
        Choices = choices.Distinct().Select(Parameter.FromObject).ToArray();
        Default = new double[FeatureSpaceDim];
    }

    public ChoiceOption(object[] choices, object defaultChoice) : this(choices)
    {
        if (defaultChoice != null)
            Default = MappingToFeatureSpace(Parameter.FromObject(defaultChoice));
    }

    public Parameter[] Choices { get; }

    public override int FeatureSpaceDim => Choices.Length == 1 ? 0 : 1;

    public override int?[] Step => [Choices.Length];

    public override double[] MappingToFeatureSpace(Parameter param) =>
        FeatureSpaceDim == 0 ? [] : [(double)Array.IndexOf(Choices, param) / Choices.Length];

    public override Parameter SampleFromFeatureSpace(double[] values)
    {
        if (values.Length == 0)
            return Choices[0];
        // In single precision, as the real one counts: a third of three choices is the second of them.
        int index = (int)MathF.Floor((float)(values[0] * Choices.Length));
        return Choices[Math.Min(index, Choices.Length - 1)];
    }
}
