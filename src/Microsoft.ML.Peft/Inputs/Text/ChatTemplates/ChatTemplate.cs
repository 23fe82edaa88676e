using System.Globalization;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>A chat template as models carry it: the part of Jinja that published templates use.</summary>
/// <remarks>
/// Known are if, for, set, macro, filter, generation, break, continue and raw; the usual filters, tests and methods;
/// namespace, range, raise_exception, strftime_now. Anything else is an error that names it. A template can neither reach
/// files nor change the values that it is given, and its cost is bounded. Safe to use from several threads.
/// </remarks>
public sealed class ChatTemplate
{
    private const int MaxLength = 1 << 20;

    private readonly string _name;
    private readonly IReadOnlyList<Statement> _statements;

    private ChatTemplate(string text, string name, IReadOnlyList<Statement> statements)
    {
        Text = text;
        _name = name;
        _statements = statements;
    }

    /// <summary>The text of the template.</summary>
    public string Text { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="text">The template.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="ModelFormatException">It is not well formed, or uses a statement that is not supported.</exception>
    public static ChatTemplate Parse(string text, string name)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (text.Length > MaxLength)
            throw new ModelFormatException(name, ModelFormatError.LimitExceeded, $"the template has {text.Length} characters; at most {MaxLength} are allowed.");
        try
        {
            return new ChatTemplate(text, name, TemplateParser.Parse(text));
        }
        catch (FormatException e) when (e is not ModelFormatException)
        {
            throw new ModelFormatException(name, ModelFormatError.Unsupported, e.Message, e);
        }
    }

    /// <summary>Writes a conversation as the text that the model was trained on.</summary>
    /// <param name="messages">The turns.</param>
    /// <param name="addGenerationPrompt">Whether to end with the start of an answer.</param>
    /// <param name="variables">Further names that the template may read, such as <c>bos_token</c> or <c>tools</c>.</param>
    /// <exception cref="PeftException">The template refuses the conversation.</exception>
    /// <exception cref="ModelFormatException">The template fails or is too costly.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false, IReadOnlyDictionary<string, object?>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var all = new Dictionary<string, object?>(variables ?? new Dictionary<string, object?>(), StringComparer.Ordinal)
        {
            ["messages"] = messages.Select(ToMap).ToList<object?>(),
            ["add_generation_prompt"] = addGenerationPrompt,
        };
        return RenderValues(all);
    }

    /// <summary>Writes the template with any names and values: texts, numbers, lists, tables, JSON.</summary>
    internal string RenderValues(IReadOnlyDictionary<string, object?> values)
    {
        var scope = new TemplateScope(Globals());
        foreach (var (name, value) in values)
            scope.Set(name, TemplateValue.From(value));
        try
        {
            return new StatementRunner().Run(_statements, scope);
        }
        catch (FormatException e) when (e is not ModelFormatException)
        {
            throw new ModelFormatException(_name, ModelFormatError.Unsupported, e.Message, e);
        }
    }

    private static TemplateMap ToMap(ChatMessage message)
    {
        var map = new TemplateMap { ["role"] = message.Role, ["content"] = message.Content };
        foreach (var (name, value) in message.Fields ?? new Dictionary<string, object?>())
            map[name] = TemplateValue.From(value);
        return map;
    }

    private TemplateScope Globals()
    {
        var scope = new TemplateScope(null);
        scope.Set("raise_exception", (TemplateFunction)((positional, _) =>
            throw new PeftException($"{_name}: the chat template refuses the conversation: {(positional.Count > 0 ? TemplateValue.ToText(positional[0]) : "no reason given")}")));
        scope.Set("strftime_now", (TemplateFunction)((positional, named) => FormatTime(new TemplateArguments("strftime_now", positional, named).Text(0, "format"))));
        scope.Set("namespace", (TemplateFunction)MakeNamespace);
        scope.Set("dict", (TemplateFunction)((_, named) =>
        {
            var map = new TemplateMap();
            foreach (var (name, value) in named)
                map[name] = value;
            return map;
        }));
        scope.Set("range", (TemplateFunction)MakeRange);
        return scope;
    }

    private static TemplateNamespace MakeNamespace(List<object?> positional, Dictionary<string, object?> named)
    {
        var space = new TemplateNamespace();
        foreach (var (name, value) in positional is [TemplateMap map] ? map.Concat(named) : named)
            space.Fields[name] = value;
        return space;
    }

    private static List<object?> MakeRange(List<object?> positional, Dictionary<string, object?> named)
    {
        if (positional.Count is < 1 or > 3 || named.Count > 0)
            throw new FormatException("'range' takes one to three numbers");
        var (start, stop) = positional.Count == 1 ? (0L, TemplateValue.ToLong(positional[0])) : (TemplateValue.ToLong(positional[0]), TemplateValue.ToLong(positional[1]));
        var step = positional.Count == 3 ? TemplateValue.ToLong(positional[2]) : 1;
        if (step == 0)
            throw new FormatException("'range' cannot have the step 0");
        var list = new List<object?>();
        for (var i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            if (list.Count >= 100_000)
                throw new FormatException("'range' gives more than 100000 numbers");
            list.Add(i);
        }
        return list;
    }

    private static string FormatTime(string format)
    {
        var now = DateTime.Now;
        var result = new System.Text.StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }
            result.Append(format[++i] switch
            {
                'd' => now.ToString("dd", CultureInfo.InvariantCulture),
                'm' => now.ToString("MM", CultureInfo.InvariantCulture),
                'Y' => now.ToString("yyyy", CultureInfo.InvariantCulture),
                'y' => now.ToString("yy", CultureInfo.InvariantCulture),
                'b' => now.ToString("MMM", CultureInfo.InvariantCulture),
                'B' => now.ToString("MMMM", CultureInfo.InvariantCulture),
                'a' => now.ToString("ddd", CultureInfo.InvariantCulture),
                'A' => now.ToString("dddd", CultureInfo.InvariantCulture),
                'H' => now.ToString("HH", CultureInfo.InvariantCulture),
                'I' => now.ToString("hh", CultureInfo.InvariantCulture),
                'M' => now.ToString("mm", CultureInfo.InvariantCulture),
                'S' => now.ToString("ss", CultureInfo.InvariantCulture),
                'p' => now.ToString("tt", CultureInfo.InvariantCulture),
                'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                '%' => "%",
                var other => throw new FormatException($"the time format '%{other}' is not supported"),
            });
        }
        return result.ToString();
    }
}
