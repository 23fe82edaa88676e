using Peft.Golden;
using Peft.Golden.Inputs;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Tokenizers, images and audio give what Hugging Face's own front ends gave.</summary>
[TestClass]
public sealed class InputGoldenTests
{
    [TestMethod]
    public void Every_recorded_case_is_equal()
    {
        var results = InputComparison.Run(TestArchive.GoldenInputs).ToList();
        foreach (var part in (string[])["tokenizers/", "images/", "audio"])
            Assert.IsTrue(results.Any(r => r.Group.StartsWith(part, StringComparison.Ordinal)), $"no case of {part}");
        var others = results.Where(r => r.Verdict != GoldenVerdict.Equal).ToList();
        Assert.IsEmpty(others, string.Join('\n', others.Take(20)));
    }
}
