
namespace Microsoft.ML.Peft.Inputs.Text.PostProcessors;

/// <summary>One place of a template: a special token, or the text A or B.</summary>
internal readonly record struct TemplateItem(int Special, int Sequence, int TypeId)
{
    public bool IsSpecial => Sequence < 0;

    public static TemplateItem Token(int id, int typeId) => new(id, -1, typeId);

    public static TemplateItem Text(int sequence, int typeId) => new(-1, sequence, typeId);
}

/// <summary>How texts and special tokens are laid out in a row of ids.</summary>
internal sealed class Template(TemplateItem[] items)
{
    /// <summary>One text as it is, two with types 0 and 1.</summary>
    public static readonly Template PlainSingle = new([TemplateItem.Text(0, 0)]);

    public static readonly Template PlainPair = new([TemplateItem.Text(0, 0), TemplateItem.Text(1, 1)]);

    public ReadOnlySpan<TemplateItem> Items => items;

    public int SpecialCount { get; } = items.Count(item => item.IsSpecial);
}
