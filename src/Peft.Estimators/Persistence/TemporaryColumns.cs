namespace Peft.Estimators.Persistence;

/// <summary>Fixed names of the columns inside a saved step; a file depends on them, so they never change.</summary>
internal static class TemporaryColumns
{
    public const string Text = "__peft_text";
    public const string Image = "__peft_image";
    public const string Key = "__peft_key";
    public const string Package = "__peft_package";
    public const string Score = "__peft_score";
    public const string Class = "__peft_class";
    public const string Value = "__peft_value";

    public static string[] All(string input) => [input, Key, Package, Score, Class, Value];
}
