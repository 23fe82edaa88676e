using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Data;

/// <summary>Whatever stands in a text file: rows or a clear error, and what was written is read back.</summary>
[TestClass]
public sealed class TextLoaderFuzzTests
{
    private static readonly string[] Parts = ["\t", ",", "\"", "\"\"", " ", "1", "-2.5", "1e400", "NaN", "?", "0:3", "7:1", "a", "é", "//", "#", "\\", "\r", "true", "2020-01-01", ":"];

    [TestMethod]
    public void Random_text_gives_rows_or_a_format_error()
    {
        var random = new Random(5);
        var ml = new MLContext(1);
        string file = Path.GetTempFileName();
        try
        {
            int read = 0, refused = 0;
            for (int round = 0; round < 1500; round++)
            {
                var text = new StringBuilder();
                for (int i = random.Next(60); i > 0; i--)
                    text.Append(random.Next(8) == 0 ? "\n" : Parts[random.Next(Parts.Length)]);
                File.WriteAllText(file, text.ToString());
                var options = new TextLoader.Options
                {
                    Separators = random.Next(2) == 0 ? ['\t'] : [',', ' '],
                    AllowQuoting = random.Next(2) == 0,
                    AllowSparse = random.Next(3) == 0,
                    ReadMultilines = random.Next(3) == 0,
                    TrimWhitespace = random.Next(2) == 0,
                    HasHeader = random.Next(3) == 0,
                    MissingRealsAsNaNs = random.Next(3) == 0,
                    EscapeChar = random.Next(4) == 0 ? '\\' : '"',
                    Columns =
                    [
                        new TextLoader.Column("T", DataKind.String, 0), new TextLoader.Column("F", DataKind.Single, 1, 4), new TextLoader.Column("I", DataKind.Int32, 2),
                        new TextLoader.Column("V", DataKind.Double, [new TextLoader.Range { Min = 2, VariableEnd = true }]),
                        new TextLoader.Column("K", DataKind.UInt32, [new TextLoader.Range(1)], new KeyCount(5)),
                    ],
                };
                try
                {
                    read += ml.Data.LoadFromTextFile(file, options).Preview(1000).RowView.Length;
                }
                catch (FormatException)
                {
                    refused++;
                }
                catch (EndOfStreamException)
                {
                    refused++;
                }
            }
            Assert.IsGreaterThan(500, read);
            Assert.IsGreaterThan(50, refused);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public sealed class Row
    {
        [LoadColumn(0)] public string Text { get; set; } = "";
        [LoadColumn(1)] public float Single { get; set; }
        [LoadColumn(2)] public double Double { get; set; }
        [LoadColumn(3)] public long Long { get; set; }
        [LoadColumn(4)] public bool Flag { get; set; }
        [LoadColumn(5, 7), VectorType(3)] public float[] Vector { get; set; } = [];
    }

    [TestMethod]
    [DataRow('\t', true)]
    [DataRow(',', false)]
    [DataRow(';', false)]
    public void Random_rows_survive_being_saved_as_text(char separator, bool dense)
    {
        var random = new Random(separator);
        string[] words = ["", "plain", "with space", "quo\"te", "a,b;c", " lead", "trail ", "ümlaut", "//x", "0:1"];
        var rows = Enumerable.Range(0, 300).Select(_ => new Row
        {
            Text = words[random.Next(words.Length)],
            Single = random.Next(4) == 0 ? 0 : (float)(random.NextDouble() * 2e6 - 1e6),
            Double = random.Next(4) == 0 ? double.NaN : random.NextDouble(),
            Long = random.NextInt64(long.MinValue, long.MaxValue),
            Flag = random.Next(2) == 0,
            Vector = [random.Next(2), random.Next(3) - 1, random.NextSingle()],
        }).ToArray();
        // A line that begins with two slashes would be a comment, in the real library as well.
        rows = rows.Where(r => !r.Text.StartsWith("//", StringComparison.Ordinal)).ToArray();
        var ml = new MLContext(1);
        string file = Path.GetTempFileName();
        try
        {
            using (var stream = File.Create(file))
                ml.Data.SaveAsText(ml.Data.LoadFromEnumerable(rows), stream, separator, headerRow: true, schema: false, forceDense: dense);
            var options = new TextLoader.Options { Separators = [separator], AllowQuoting = true, AllowSparse = !dense, HasHeader = true };
            var back = ml.Data.CreateEnumerable<Row>(ml.Data.LoadFromTextFile<Row>(file, options), reuseRowObject: false).ToArray();
            Assert.HasCount(rows.Length, back);
            for (int i = 0; i < rows.Length; i++)
            {
                Assert.AreEqual(rows[i].Text, back[i].Text);
                Assert.AreEqual(rows[i].Single, back[i].Single);
                Assert.AreEqual(rows[i].Double, back[i].Double);
                Assert.AreEqual(rows[i].Long, back[i].Long);
                Assert.AreEqual(rows[i].Flag, back[i].Flag);
                CollectionAssert.AreEqual(rows[i].Vector, back[i].Vector);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }
}
