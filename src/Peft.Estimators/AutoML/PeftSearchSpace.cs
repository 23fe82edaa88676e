using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.SearchSpace;
using Microsoft.ML.SearchSpace.Option;
using SearchSpace = Microsoft.ML.SearchSpace.SearchSpace;

namespace Peft.Estimators.AutoML;

/// <summary>What a search varies in a fine-tune: the learning rate, and the settings of the adapter that say what to try.</summary>
/// <remarks>
/// An adapter's settings say it by <see cref="SearchRangeAttribute"/> and <see cref="SearchChoicesAttribute"/>, so that every method
/// has its space without code of its own. The search starts from the values that the options have.
/// </remarks>
public static class PeftSearchSpace
{
    /// <summary>Name of the learning rate in the space: 1e-4 to 1e-2, logarithmic.</summary>
    public const string LearningRate = nameof(PeftFineTuneOptions.LearningRate);

    /// <summary>Name of the adapter's own space in the space; it is there if the adapter has settings to try.</summary>
    public const string Adapter = nameof(PeftFineTuneOptions.Adapter);

    private const double LowestRate = 1e-4;
    private const double HighestRate = 1e-2;

    /// <summary>The space of a fine-tune. Options may be taken out of it, added or replaced before it is used.</summary>
    /// <param name="options">The settings to start from; what is not in the space stays as it is here.</param>
    public static SearchSpace Of(PeftFineTuneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var space = new SearchSpace { [LearningRate] = Real(LowestRate, HighestRate, logarithmic: true, options.LearningRate) };
        if (options.Adapter is { } adapter)
        {
            var settings = new SearchSpace();
            foreach (var setting in SettingsOf(adapter.GetType()))
            {
                settings[setting.Name] = OptionOf(setting, setting.GetValue(adapter)!);
            }

            if (settings.Count > 0)
            {
                space[Adapter] = settings;
            }
        }

        return space;
    }

    /// <summary>The options with the values that a search chose.</summary>
    /// <param name="options">The settings to start from.</param>
    /// <param name="parameter">A point of the space; values that it does not have stay as they are.</param>
    /// <exception cref="ArgumentException">The parameter names a setting that a search cannot set.</exception>
    /// <exception cref="FormatException">A value is outside what its setting takes.</exception>
    public static PeftFineTuneOptions Apply(PeftFineTuneOptions options, Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parameter);
        foreach (var name in parameter.Keys)
        {
            options = name switch
            {
                LearningRate => options with { LearningRate = parameter[name].AsType<double>() },
                Adapter when options.Adapter is { } adapter => options with { Adapter = Apply(adapter, parameter[name]) },
                _ => throw new ArgumentException($"The search chose a value for '{name}'; it can set {LearningRate} and, with an adapter, {Adapter}."),
            };
        }

        return options;
    }

    private static AdapterOptions Apply(AdapterOptions adapter, Parameter chosen)
    {
        var settings = SettingsOf(adapter.GetType()).ToDictionary(s => s.Name);
        var json = JsonNode.Parse(adapter.ToJson())!.AsObject();
        foreach (var name in chosen.Keys)
        {
            if (!settings.TryGetValue(name, out var setting))
            {
                throw new ArgumentException(
                    $"The search chose a value for '{name}', which {adapter.Method.Name} does not let it set; it can set {string.Join(", ", settings.Keys)}.");
            }

            json[FieldOf(setting)] = JsonSerializer.SerializeToNode(chosen[name]);
        }

        // By way of the file's form: what a search sets is checked as what a file says.
        return AdapterOptions.FromJson(json.ToJsonString(), "The search's choice");
    }

    private static IEnumerable<PropertyInfo> SettingsOf(Type options)
        => options.GetProperties().Where(p => p.IsDefined(typeof(SearchRangeAttribute)) || p.IsDefined(typeof(SearchChoicesAttribute)));

    private static string FieldOf(PropertyInfo setting) => setting.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? setting.Name;

    private static OptionBase OptionOf(PropertyInfo setting, object value)
    {
        if (setting.GetCustomAttribute<SearchChoicesAttribute>() is { } choices)
        {
            return new ChoiceOption([.. choices.Values.Append(value).Distinct()], value);
        }

        var range = setting.GetCustomAttribute<SearchRangeAttribute>()!;
        var start = Convert.ToDouble(value, CultureInfo.InvariantCulture);
        return value is int or long
            ? new UniformIntOption((int)Math.Min(range.Min, start), (int)Math.Max(range.Max, start), range.Logarithmic, (int)start)
            : Real(range.Min, range.Max, range.Logarithmic, start);
    }

    // The range is widened to the value to start from.
    private static UniformDoubleOption Real(double min, double max, bool logarithmic, double start)
        => new(Math.Min(min, start), Math.Max(max, start), logarithmic, start);
}
