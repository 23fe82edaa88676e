using FsCheck;
using FsCheck.Fluent;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Properties;

/// <summary>Rows of any schema survive being written as text and read again.</summary>
[TestClass]
public sealed class TextRoundTripTests
{
    public sealed record Format(char Separator, bool Header, bool Dense);

    // Behind the index of a sparse item a quote does not keep a line open, in the real library either.
    private static Gen<(Format Format, Table Table)> Cases =>
        from format in Formats
        from table in TableGenerators.Tables(lineBreaks: format.Dense)
        select (format, table);

    private static Gen<Format> Formats =>
        from separator in Gen.Elements('\t', ',', ';', '|')
        from header in Gen.Elements(true, false)
        from dense in Gen.Elements(true, false)
        select new Format(separator, header, dense);

    private static void RoundTrip(Table table, Format format)
    {
        var ml = new MLContext(1);
        string file = Path.GetTempFileName();
        try
        {
            using (var stream = File.Create(file))
                ml.Data.SaveAsText(table, stream, format.Separator, format.Header, schema: false, forceDense: format.Dense);
            int field = 0;
            var columns = new List<TextLoader.Column>();
            foreach (var column in table.Columns)
            {
                columns.Add(column.InText(field));
                field += column.Width;
            }
            var read = ml.Data.LoadFromTextFile(file, new TextLoader.Options
            {
                Columns = [.. columns],
                Separators = [format.Separator],
                HasHeader = format.Header,
                AllowQuoting = true,
                AllowSparse = !format.Dense,
                ReadMultilines = format.Dense,
            });
            for (int i = 0; i < table.Columns.Count; i++)
                Assert.AreEqual(table.Columns[i].Type, read.Schema[i].Type);
            if (table.DifferenceTo(read) is { } difference)
                Assert.Fail($"{difference}\n{format}\n{table}\n{File.ReadAllText(file)}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Check(int count) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(count), Prop.ForAll(Cases.ToArbitrary(), c => RoundTrip(c.Table, c.Format)));

    [TestMethod]
    public void Random_tables_survive_text() => Check(300);

    [TestMethod]
    [TestCategory("Slow")]
    public void Many_random_tables_survive_text() => Check(10_000);
}
