using System.Diagnostics;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Data;

/// <summary>Damaged text files, byte by byte: rows or a format error, in bounded time and memory.</summary>
[TestClass]
public sealed class TextMutationTests
{
    private const int SlowestRead = 20;         // ms each, on average
    private const long LargestRead = 8L << 20;  // bytes allocated each, on average

    private static byte[] Original()
    {
        var text = new StringBuilder("Name,Number,Vector,,,Key,Rest\n");
        for (int i = 0; i < 12; i++)
            text.Append(i % 3 == 0 ? $"\"quo\"\"ted, {i}\"" : $"plain {i}").Append($",{i * 1.5},{i},{-i},1e{i},{i % 5}").Append(i % 2 == 0 ? ",7,8,9\n" : $",{20 + i},0:1,3:{i},{10 + i}:2\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static TextLoader.Options Options(Random random) => new()
    {
        Separators = random.Next(3) == 0 ? [',', ';'] : [','],
        AllowQuoting = random.Next(4) != 0,
        AllowSparse = random.Next(3) != 0,
        ReadMultilines = random.Next(2) == 0,
        TrimWhitespace = random.Next(2) == 0,
        HasHeader = random.Next(4) != 0,
        MissingRealsAsNaNs = random.Next(3) == 0,
        DecimalMarker = '.',
        Columns =
        [
            new TextLoader.Column("Name", DataKind.String, 0), new TextLoader.Column("Number", DataKind.Double, 1),
            new TextLoader.Column("Vector", DataKind.Single, 2, 4), new TextLoader.Column("Key", DataKind.UInt32, [new TextLoader.Range(5)], new KeyCount(5)),
            new TextLoader.Column("Rest", random.Next(2) == 0 ? DataKind.Single : DataKind.String, [new TextLoader.Range { Min = 6, VariableEnd = true }]),
        ],
    };

    private static byte[] Damage(byte[] original, Random random)
    {
        var bytes = original.ToArray();
        for (int n = random.Next(1, 6); n > 0; n--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes = bytes[..Math.Max(1, at)];
                    break;
                case 3:
                    bytes = [.. bytes[..at], .. "2147483647"u8, .. bytes[at..]];
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. ","u8, .. bytes[at..]];
                    break;
                default:
                    int end = Math.Min(bytes.Length, at + random.Next(40));
                    bytes = [.. bytes, .. bytes[at..end]];
                    break;
            }
        }
        return bytes;
    }

    private static void Mutations(int count)
    {
        var random = new Random(17);
        var original = Original();
        string file = Path.GetTempFileName();
        try
        {
            int read = 0, refused = 0;
            var watch = Stopwatch.StartNew();
            long before = GC.GetTotalAllocatedBytes();
            for (int i = 0; i < count; i++)
            {
                var damaged = Damage(original, random);
                File.WriteAllBytes(file, damaged);
                try
                {
                    var view = new MLContext(1).Data.LoadFromTextFile(file, Options(random));
                    using var cursor = view.GetRowCursor(view.Schema);
                    var getter = view.Schema["Rest"].Type is VectorDataViewType { ItemType: TextDataViewType } ? null : cursor.GetGetter<VBuffer<float>>(view.Schema["Rest"]);
                    VBuffer<float> rest = default;
                    while (cursor.MoveNext())
                    {
                        getter?.Invoke(ref rest);
                        read++;
                    }
                }
                catch (Exception e) when (e is FormatException or EndOfStreamException)
                {
                    refused++;
                }
            }
            Assert.IsGreaterThan(count, read);
            Assert.IsGreaterThan(count / 200, refused);
            Assert.IsLessThan((double)count * SlowestRead, watch.Elapsed.TotalMilliseconds, "a damaged file takes too long");
            Assert.IsLessThan(count * LargestRead, GC.GetTotalAllocatedBytes() - before, "damaged files take too much memory");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestMethod]
    public void Damaged_text_gives_rows_or_a_format_error() => Mutations(1500);

    [TestMethod]
    [TestCategory("Slow")]
    public void Ten_thousand_damaged_texts_give_rows_or_a_format_error() => Mutations(10_000);

    [TestMethod]
    [Timeout(20_000)]
    public void A_line_that_claims_two_billion_missing_numbers_is_refused()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "a,2000000000,0:1\n");
            var options = new TextLoader.Options
            {
                Separators = [','],
                AllowSparse = true,
                MissingRealsAsNaNs = true,
                Columns = [new TextLoader.Column("V", DataKind.Single, [new TextLoader.Range { Min = 1, VariableEnd = true }])],
            };
            var view = new MLContext(1).Data.LoadFromTextFile(file, options);
            using var cursor = view.GetRowCursor(view.Schema);
            Assert.ThrowsExactly<FormatException>(() => cursor.MoveNext());
        }
        finally
        {
            File.Delete(file);
        }
    }
}
