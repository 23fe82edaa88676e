using System.Globalization;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.PostProcessors;

/// <summary>What happens after the model: where special tokens go, which type ids texts get.</summary>
internal sealed class PostProcessor
{
    private const int MaxItems = 1000;

    private bool _hasLayout;

    public Template Single { get; private set; } = Template.PlainSingle;

    public Template Pair { get; private set; } = Template.PlainPair;

    /// <summary>Type ids of the two texts when special tokens are left out.</summary>
    public (Template Single, Template Pair) Bare { get; private set; } = (Template.PlainSingle, Template.PlainPair);

    /// <summary>Whether the blanks at the ends of byte-level tokens are taken out of their offsets.</summary>
    public bool TrimOffsets { get; private set; }

    /// <summary>Whether the tokenizer puts a blank before texts.</summary>
    public bool PrefixAdded { get; private set; }

    /// <summary>The tokenizer file's <c>post_processor</c>.</summary>
    public static PostProcessor Read(JsonPart json)
    {
        var processor = new PostProcessor();
        if (!json.IsNull)
            processor.Read(json, 0);
        return processor;
    }

    /// <summary>Every special token that the layouts use, for a check against the vocabulary.</summary>
    public IEnumerable<int> SpecialIds => Single.Items.ToArray().Concat(Pair.Items.ToArray()).Where(item => item.IsSpecial).Select(item => item.Special);

    private void Read(JsonPart json, int depth)
    {
        if (depth > JsonPart.MaxNesting)
            throw json.Error($"is nested deeper than {JsonPart.MaxNesting} levels.", ModelFormatError.LimitExceeded);
        switch (json.Type)
        {
            case "TemplateProcessing":
                ReadTemplate(json);
                break;
            case "BertProcessing":
                ReadBert(json);
                break;
            case "RobertaProcessing":
                ReadRoberta(json);
                break;
            case "ByteLevel":
                ReadTrimming(json);
                break;
            case "Sequence":
                foreach (var part in json.Get("processors").Elements())
                    Read(part, depth + 1);
                break;
            default:
                throw json.Error($"has the unknown type '{json.Type}'.", ModelFormatError.Unsupported);
        }
    }

    private void ReadTemplate(JsonPart json)
    {
        TakeLayout(json);
        var specials = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        if (!json.Get("special_tokens").IsNull)
        {
            foreach (var (name, value) in json.Get("special_tokens").Properties())
                specials.Add(name, value.Get("ids").Elements().Select(id => id.Int()).ToList());
        }
        Single = ReadItems(json.Get("single"), specials, pair: false);
        Pair = ReadItems(json.Get("pair"), specials, pair: true);
        Bare = (WithoutSpecials(Single), WithoutSpecials(Pair));
    }

    private static Template ReadItems(JsonPart json, Dictionary<string, List<int>> specials, bool pair)
    {
        if (json.IsNull && pair)
            return Template.PlainPair;
        var items = new List<TemplateItem>();
        foreach (var element in json.Elements())
        {
            var (kind, value) = element.Variant();
            var type = value.Get("type_id").Int(0);
            if (type is < 0 or > 255)
                throw value.Error($"has the type id {type}; 0 to 255 are allowed.");
            var id = value.Get("id").String();
            switch (kind)
            {
                case "Sequence" when id == "A" || (id == "B" && pair):
                    items.Add(TemplateItem.Text(id == "A" ? 0 : 1, type));
                    break;
                case "SpecialToken" when specials.TryGetValue(id, out var ids):
                    items.AddRange(ids.Select(special => TemplateItem.Token(special, type)));
                    break;
                case "SpecialToken":
                    throw value.Error($"names the special token '{id}', which special_tokens lacks.");
                default:
                    throw value.Error($"is '{kind} {id}'; allowed are SpecialToken, Sequence A and, in a pair, Sequence B.");
            }
            if (items.Count > MaxItems)
                throw json.Error($"has more than {MaxItems} items.", ModelFormatError.LimitExceeded);
        }
        return new Template([.. items]);
    }

    private static Template WithoutSpecials(Template template) => new(template.Items.ToArray().Where(item => !item.IsSpecial).ToArray());

    private void ReadBert(JsonPart json)
    {
        TakeLayout(json);
        var (sep, cls) = (ReadToken(json.Get("sep")), ReadToken(json.Get("cls")));
        Single = new Template([TemplateItem.Token(cls, 0), TemplateItem.Text(0, 0), TemplateItem.Token(sep, 0)]);
        Pair = new Template([.. Single.Items, TemplateItem.Text(1, 1), TemplateItem.Token(sep, 1)]);
    }

    private void ReadRoberta(JsonPart json)
    {
        TakeLayout(json);
        ReadTrimming(json);
        var (sep, cls) = (ReadToken(json.Get("sep")), ReadToken(json.Get("cls")));
        // This family has one type only, also for the second text.
        Single = new Template([TemplateItem.Token(cls, 0), TemplateItem.Text(0, 0), TemplateItem.Token(sep, 0)]);
        Pair = new Template([.. Single.Items, TemplateItem.Token(sep, 0), TemplateItem.Text(1, 0), TemplateItem.Token(sep, 0)]);
        Bare = (WithoutSpecials(Single), WithoutSpecials(Pair));
    }

    private void ReadTrimming(JsonPart json)
    {
        TrimOffsets |= json.Get("trim_offsets").Bool(true);
        PrefixAdded = json.Get("add_prefix_space").Bool(true);
    }

    private void TakeLayout(JsonPart json)
    {
        if (_hasLayout)
            throw json.Error("is the second layout of special tokens; one is supported.", ModelFormatError.Unsupported);
        _hasLayout = true;
    }

    /// <summary>A pair of a token and its id.</summary>
    private static int ReadToken(JsonPart json)
    {
        if (json.Count != 2)
            throw json.Error(string.Create(CultureInfo.InvariantCulture, $"must be a token and its id, not {json.Count} values."));
        return json.Elements().Last().Int();
    }
}
