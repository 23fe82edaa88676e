using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Text;

namespace FoundationTests.Transforms;

/// <summary>Texts in one form and cut into words, and the same after the transforms were saved and loaded.</summary>
[TestClass]
public sealed class TextTransformTests
{
    public sealed class Row
    {
        public string Text { get; set; } = "";
        public string[] Texts { get; set; } = [];
        public float Number { get; set; }
    }

    private static IDataView Data(MLContext ml, params string[] texts) => ml.Data.LoadFromEnumerable(texts.Select(t => new Row { Text = t, Texts = [t, "", t + "!"] }));

    private static T[] Apply<T>(IEstimator<ITransformer> estimator, IDataView data, string column)
    {
        var ml = new MLContext(1);
        var model = estimator.Fit(data);
        var values = model.Transform(data).GetColumn<T>(column).ToArray();
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = ml.Model.Load(stream, out _);
        var again = loaded.Transform(data).GetColumn<T>(column).ToArray();
        CollectionAssert.AreEqual(values.Select(Shown).ToArray(), again.Select(Shown).ToArray());
        Assert.AreEqual(model.GetOutputSchema(data.Schema)[column].Type, loaded.GetOutputSchema(data.Schema)[column].Type);
        return values;
    }

    private static string Shown<T>(T value) => value is Array array ? string.Join('|', array.Cast<object>()) : value!.ToString()!;

    [TestMethod]
    public void Case_marks_punctuation_and_numbers()
    {
        var ml = new MLContext(1);
        var data = Data(ml, "Crème Brûlée No. 3!", "Ёлка ΆΛΦΑ", "e\u0301a\u0300", "Ǖǘ Øø ß Łł", "½ x² 7");
        string[] Normalize(TextNormalizingEstimator.CaseMode mode, bool diacritics, bool punctuations, bool numbers) =>
            Apply<string>(ml.Transforms.Text.NormalizeText("N", "Text", mode, diacritics, punctuations, numbers), data, "N");
        CollectionAssert.AreEqual(new[] { "creme brulee no. 3!", "елка αλφα", "ea", "uu øø ß łł", "½ x² 7" },
            Normalize(TextNormalizingEstimator.CaseMode.Lower, false, true, true));
        CollectionAssert.AreEqual(new[] { "CRÈME BRÛLÉE NO ", "ЁЛКА ΆΛΦΑ", "E\u0301A\u0300", "ǕǗ ØØ ß ŁŁ", " X " },
            Normalize(TextNormalizingEstimator.CaseMode.Upper, true, false, false));
        CollectionAssert.AreEqual(new[] { "Creme Brulee No. 3!", "Елка ΑΛΦΑ", "ea", "Uu Øø ß Łł", "½ x² 7" },
            Normalize(TextNormalizingEstimator.CaseMode.None, false, true, true));
    }

    [TestMethod]
    public void Empty_texts_of_a_vector_are_left_out()
    {
        var ml = new MLContext(1);
        var data = Data(ml, "A1", "!?");
        var normalized = Apply<string[]>(ml.Transforms.Text.NormalizeText("N", "Texts", keepPunctuations: false), data, "N");
        CollectionAssert.AreEqual(new[] { "a1", "a1" }, normalized[0]);
        Assert.IsEmpty(normalized[1]);
        var shape = ml.Transforms.Text.NormalizeText("N", "Texts").Fit(data).GetOutputSchema(data.Schema)["N"].Type;
        Assert.AreEqual("Vector<String>", shape.ToString());
    }

    [TestMethod]
    public void Words_between_separators()
    {
        var ml = new MLContext(1);
        var data = Data(ml, " one  two,three ", "", ";a; b ;");
        CollectionAssert.AreEqual(new[] { "one|two,three", "", ";a;|b|;" }, Apply<string[]>(ml.Transforms.Text.TokenizeIntoWords("W", "Text"), data, "W").Select(Shown).ToArray());
        CollectionAssert.AreEqual(new[] { "one  two|three", "", "a|b" },
            Apply<string[]>(ml.Transforms.Text.TokenizeIntoWords("W", "Text", [',', ';']), data, "W").Select(Shown).ToArray());
        CollectionAssert.AreEqual(new[] { "one|two,three|one|two,three|!", "!", ";a;|b|;|;a;|b|;!" },
            Apply<string[]>(ml.Transforms.Text.TokenizeIntoWords("W", "Texts"), data, "W").Select(Shown).ToArray());
    }

    [TestMethod]
    public void Numbers_are_no_texts()
    {
        var ml = new MLContext(1);
        var data = Data(ml, "x");
        Assert.Contains("expected String or vector of String, got Single",
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.Text.NormalizeText("N", "Number").Fit(data)).Message);
        Assert.Contains("expected String or Vector of String, got Single",
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.Text.TokenizeIntoWords("N", "Number").Fit(data)).Message);
    }
}
