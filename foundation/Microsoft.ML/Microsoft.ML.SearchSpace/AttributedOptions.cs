using System.Reflection;
using Microsoft.ML.SearchSpace.Option;

namespace Microsoft.ML.SearchSpace;

/// <summary>Reads options off a class: fields first, then properties.</summary>
internal static class AttributedOptions
{
    private const BindingFlags Visible = BindingFlags.Public | BindingFlags.Instance;

    public static Dictionary<string, OptionBase> Of(Type type)
    {
        var options = new Dictionary<string, OptionBase>();
        foreach (var field in type.GetFields(Visible))
            Add(options, field, field.FieldType);
        foreach (var property in type.GetProperties(Visible))
            Add(options, property, property.PropertyType);
        return options;
    }

    private static void Add(Dictionary<string, OptionBase> options, MemberInfo member, Type type)
    {
        var attribute = member.GetCustomAttributes(inherit: false)
            .FirstOrDefault(a => a is ChoiceAttribute or RangeAttribute or BooleanChoiceAttribute or NestOptionAttribute);
        if (attribute is not null)
            options.Add(member.Name, Option(attribute, type));
    }

    private static OptionBase Option(object attribute, Type type) => attribute switch
    {
        ChoiceAttribute choice => new ChoiceOption(choice.Candidates, choice.DefaultValue),
        BooleanChoiceAttribute choice => new ChoiceOption([true, false], choice.DefaultValue),
        RangeAttribute { Min: double min, Max: double max } range => new UniformDoubleOption(min, max, range.LogBase, (double?)range.Init),
        RangeAttribute { Min: float min, Max: float max } range => new UniformSingleOption(min, max, range.LogBase, (float?)range.Init),
        RangeAttribute { Min: int min, Max: int max } range => new UniformIntOption(min, max, range.LogBase, (int?)range.Init),
        NestOptionAttribute => Nested(type),
        _ => throw new NotImplementedException(),
    };

    private static SearchSpace Nested(Type type)
    {
        var space = new SearchSpace();
        foreach (var (name, option) in Of(type))
            space[name] = option;
        return space;
    }
}
