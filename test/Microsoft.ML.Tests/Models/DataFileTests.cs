using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Models;

/// <summary>Tables of every type survive being written into a model and read back.</summary>
[TestClass]
public sealed class DataFileTests
{
    public sealed class Entry<T>
    {
        public int Key { get; set; }
        public T Value { get; set; } = default!;
    }

    public sealed class Probe
    {
        public int Id { get; set; }
    }

    private static void RoundTrip<T, TColumn>(params T[] values)
    {
        var ml = new MLContext(1);
        var map = ml.Data.LoadFromEnumerable(values.Select((v, i) => new Entry<T> { Key = i, Value = v }).ToArray());
        var data = ml.Data.LoadFromEnumerable(values.Select((_, i) => new Probe { Id = i }).ToArray());
        var model = ml.Transforms.Conversion.MapValue("Out", map, map.Schema["Key"], map.Schema["Value"], "Id").Fit(data);
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        Assert.AreEqual(map.Schema["Value"].Type, loaded.GetOutputSchema(data.Schema)["Out"].Type);
        CollectionAssert.AreEqual(map.GetColumn<TColumn>("Value").Select(Shown).ToArray(), loaded.Transform(data).GetColumn<TColumn>("Out").Select(Shown).ToArray());
    }

    private static string Shown<T>(T value) => value switch
    {
        VBuffer<float> v => string.Join(' ', v.Items().Select(i => $"{i.Key}:{i.Value}")) + "/" + v.Length,
        Array a => string.Join('|', a.Cast<object>()),
        DateTime t => t.ToString("o"),
        DateTimeOffset t => t.ToString("o"),
        _ => value!.ToString()!,
    };

    [TestMethod]
    public void Numbers()
    {
        RoundTrip<sbyte, sbyte>(0, -128, 127);
        RoundTrip<byte, byte>(0, 255);
        RoundTrip<short, short>(short.MinValue, 5);
        RoundTrip<ushort, ushort>(ushort.MaxValue, 5);
        RoundTrip<int, int>(Enumerable.Range(-10, 9000).ToArray());
        RoundTrip<uint, uint>(uint.MaxValue, 0);
        RoundTrip<long, long>(long.MinValue, long.MaxValue);
        RoundTrip<ulong, ulong>(ulong.MaxValue, 1);
        RoundTrip<float, float>(float.NaN, -0f, float.Epsilon, float.PositiveInfinity);
        RoundTrip<double, double>(Math.PI, double.NegativeInfinity);
    }

    [TestMethod]
    public void Booleans_texts_and_times()
    {
        RoundTrip<bool, bool>(Enumerable.Range(0, 37).Select(i => i % 3 == 0).ToArray());
        RoundTrip<string, string>("", "a", "ünï", "😀 b", new string('x', 70000));
        RoundTrip<DateTime, DateTime>(DateTime.MinValue, new DateTime(2024, 2, 29, 1, 2, 3));
        RoundTrip<DateTimeOffset, DateTimeOffset>(new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.FromMinutes(-330)));
        RoundTrip<TimeSpan, TimeSpan>(TimeSpan.MinValue, TimeSpan.FromTicks(1));
        RoundTrip<DataViewRowId, DataViewRowId>(new DataViewRowId(1, 2), new DataViewRowId(ulong.MaxValue, 0));
    }

    [TestMethod]
    public void Vectors()
    {
        RoundTrip<float[], float[]>([1, 2], [3, 4, 5], []);
        RoundTrip<string[], string[]>(["a", ""], ["c"]);
        RoundTrip<VBuffer<float>, VBuffer<float>>(new VBuffer<float>(5, 2, [1, 2], [0, 4]), new VBuffer<float>(5, [1, 2, 3, 4, 5]), new VBuffer<float>(3, 0, [], []));
    }
}
