namespace Peft.Golden.Inputs;

/// <summary>What came of one recorded case of the front ends.</summary>
/// <param name="Group">The front end, such as <c>tokenizers/gpt2</c>.</param>
/// <param name="Case">Its name within the group.</param>
/// <param name="Verdict">Equal, different or skipped.</param>
/// <param name="Reason">What differs, or why it was skipped; "" if equal.</param>
internal sealed record InputResult(string Group, string Case, GoldenVerdict Verdict, string Reason)
{
    public override string ToString() => $"{Verdict.ToString().ToLowerInvariant(),-9}  {Group}/{Case}{(Reason.Length > 0 ? $": {Reason}" : "")}";
}
