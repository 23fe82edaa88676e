using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Inputs.Text.ChatTemplates;
using Microsoft.ML.Peft.Tests.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Templates give what Jinja gives under the settings of transformers; recorded by eng/TokenizerOracle/chat_templates.py.</summary>
[TestClass]
public sealed class ChatTemplateTests
{
    [TestMethod]
    public void Templates_are_those_of_jinja()
    {
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestArchive.Unpack("tokenizer-components.tar.br"), "chat-templates.json")));
        var faults = new List<string>();
        foreach (var test in recorded.RootElement.EnumerateArray())
        {
            var expected = test.TryGetProperty("expected", out var text) ? text.GetString()! : "(error)";
            var actual = Render(test.GetProperty("template").GetString()!, test.GetProperty("variables"));
            if (expected != actual)
                faults.Add($"{test.GetProperty("name").GetString()}:\nexpected {expected}\nactual   {actual}");
        }
        Assert.IsGreaterThan(100, recorded.RootElement.GetArrayLength());
        Assert.IsEmpty(faults, string.Join('\n', faults));
    }

    [TestMethod]
    [DataRow("{% include 'x' %}", "include")]
    [DataRow("{{ messages | shuffle }}", "shuffle")]
    [DataRow("{{ 1 is shiny }}", "shiny")]
    [DataRow("a\n{{ messages.append(1) }}", "line 2")]
    [DataRow("{{ open('/etc/passwd') }}", "open")]
    public void Errors_name_the_line_and_the_thing(string template, string named)
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => ChatTemplate.Parse(template, "t").Render([]));
        Assert.AreEqual(ModelFormatError.Unsupported, error.Error);
        StringAssert.Contains(error.Message, named);
        StringAssert.Contains(error.Message, "line ");
    }

    [TestMethod]
    [Timeout(20_000, CooperativeCancellation = false)]
    [DataRow("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [DataRow("{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for a in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}")]
    [DataRow("{{ 'a' * 9999999999 }}")]
    [DataRow("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")]
    [DataRow("{{ range(999999999) | list }}")]
    [DataRow("{{ 2 ** 99999999999 }}")]
    public void Costly_templates_end_with_an_error(string template) => Assert.ThrowsExactly<ModelFormatException>(() => ChatTemplate.Parse(template, "t").Render([]));

    [TestMethod]
    public void Deep_templates_are_an_error()
    {
        Assert.ThrowsExactly<ModelFormatException>(() => ChatTemplate.Parse("{{ " + new string('(', 10_000) + " }}", "t"));
        Assert.ThrowsExactly<ModelFormatException>(() => ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat("not ", 10_000)) + "1 }}", "t"));
        Assert.ThrowsExactly<ModelFormatException>(() => ChatTemplate.Parse(string.Concat(Enumerable.Repeat("{% if 1 %}", 10_000)), "t"));
    }

    [TestMethod]
    public void The_tokenizer_knows_its_template_and_its_tokens()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(TestArchive.GoldenInputs, "tokenizers", "llama2", "tokenizer.json"), folder["tokenizer.json"]);
        Assert.ThrowsExactly<PeftException>(() => HuggingFaceTokenizer.Load(folder.Path).ApplyChatTemplate([new("user", "hi")]));
        folder.Write("tokenizer_config.json", """
            {"bos_token":{"content":"<s>"},"eos_token":"</s>","chat_template":[{"name":"other","template":"no"},
             {"name":"default","template":"{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{{ m.name }}{% endfor %}{% if add_generation_prompt %}>{{ extra }}{% endif %}"}]}
            """);
        var tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        Assert.AreEqual("<s>user: hi</s>Ann>7", tokenizer.ApplyChatTemplate(
            [new ChatMessage("user", "hi") { Fields = new Dictionary<string, object?> { ["name"] = "Ann" } }], addGenerationPrompt: true, new Dictionary<string, object?> { ["extra"] = 7 }));
        folder.Write("chat_template.jinja", "{{ raise_exception('not today') }}");
        var refusal = Assert.ThrowsExactly<PeftException>(() => HuggingFaceTokenizer.Load(folder.Path).ApplyChatTemplate([]));
        StringAssert.Contains(refusal.Message, "not today");
    }

    private static string Render(string template, JsonElement variables)
    {
        try
        {
            return ChatTemplate.Parse(template, "template").RenderValues(variables.EnumerateObject().ToDictionary(v => v.Name, v => (object?)v.Value));
        }
        catch (ModelFormatException)
        {
            return "(error)";
        }
        catch (PeftException)
        {
            return "(error)";
        }
    }
}
