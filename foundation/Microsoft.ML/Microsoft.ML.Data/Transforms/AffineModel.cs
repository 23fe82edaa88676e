using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>Learns an offset and a scale for every slot.</summary>
internal interface IAffineLearner
{
    void Add(ReadOnlySpan<double> values);

    AffineModel Finish(bool single, DataViewType type);
}

/// <summary>(x − offset) · scale for every slot.</summary>
internal sealed record AffineModel(DataViewType Type, double[] Scale, double[] Offset)
{
    private static readonly VersionInfo Version = new("AFF NORM", 0x00010003, 0x00010003, 0x00010002, "AffineNormExec", VersionInfo.DataAssembly);

    private bool IsVector => Type is VectorDataViewType;

    public void Save(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        bool single = NormalizingTransformer.IsSingle(Type);
        ctx.Writer.Write(single ? sizeof(float) : sizeof(double));
        ctx.Writer.Write(Scale.Length);
        // All slots are normalized, none of them moved.
        ctx.Writer.Write(-1);
        WriteNumbers(ctx, Scale, single);
        WriteNumbers(ctx, IsVector && Offset.All(x => x == 0) ? [] : Offset, single);
        ctx.SaveText("AffineNormalizer.txt", writer =>
        {
            writer.WriteLine($"NumNormalizationFeatures={Scale.Length}");
            for (int i = 0; i < Scale.Length; i++)
                writer.WriteLine($"{i}\t{Text(Offset[i], single)}\t{Text(Scale[i], single)}");
            writer.WriteLine();
        });
    }

    private static string Text(double x, bool single) =>
        single ? ((float)x).ToString("R", CultureInfo.InvariantCulture) : x.ToString("R", CultureInfo.InvariantCulture);

    private static void WriteNumbers(ModelSaveContext ctx, double[] numbers, bool single)
    {
        ctx.Writer.Write(numbers.Length);
        foreach (double x in numbers)
        {
            if (single)
                ctx.Writer.Write((float)x);
            else
                ctx.Writer.Write(x);
        }
    }

    public static AffineModel Load(ModelLoadContext ctx, DataViewType type)
    {
        ctx.CheckAtModel(Version);
        bool single = NormalizingTransformer.IsSingle(type);
        int slots = type is VectorDataViewType v ? v.Size : 1;
        Contracts.CheckDecode(ctx.Reader.ReadInt32() == (single ? sizeof(float) : sizeof(double)));
        Contracts.CheckDecode(ctx.Reader.ReadInt32() == slots);
        if (ctx.Reader.ReadInt32() != -1)
            throw Contracts.ExceptNotSupp("The normalizer moves slots, which this library does not support");
        var scale = ReadNumbers(ctx, single);
        var offset = ReadNumbers(ctx, single);
        Contracts.CheckDecode(scale.Length == slots && (offset.Length == slots || offset.Length == 0));
        return new AffineModel(type, scale, offset.Length == 0 ? new double[slots] : offset);
    }

    private static double[] ReadNumbers(ModelLoadContext ctx, bool single)
    {
        var numbers = new double[ctx.ReadCount(single ? 4 : 8)];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = single ? ctx.Reader.ReadSingle() : ctx.Reader.ReadDouble();
        return numbers;
    }
}

/// <summary>From the smallest and the largest value.</summary>
internal sealed class MinMaxLearner(long slots, bool fixZero) : IAffineLearner
{
    private readonly double[] _min = Enumerable.Repeat(double.PositiveInfinity, (int)slots).ToArray();
    private readonly double[] _max = Enumerable.Repeat(double.NegativeInfinity, (int)slots).ToArray();

    public void Add(ReadOnlySpan<double> values)
    {
        Contracts.Check(values.Length == _min.Length);
        for (int i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]))
                continue;
            _min[i] = Math.Min(_min[i], values[i]);
            _max[i] = Math.Max(_max[i], values[i]);
        }
    }

    public AffineModel Finish(bool single, DataViewType type)
    {
        var scale = new double[_min.Length];
        var offset = new double[_min.Length];
        for (int i = 0; i < scale.Length; i++)
        {
            if (!(_min[i] <= _max[i]))
                continue;
            double range = fixZero ? Math.Max(Math.Abs(_min[i]), Math.Abs(_max[i])) : Subtract(_max[i], _min[i], single);
            scale[i] = range > 0 ? Invert(range, single) : 0;
            offset[i] = fixZero ? 0 : _min[i];
        }
        return new AffineModel(type, scale, offset);
    }

    private static double Subtract(double a, double b, bool single) => single ? (float)a - (float)b : a - b;

    private static double Invert(double x, bool single) => single ? 1f / (float)x : 1 / x;
}

/// <summary>From mean and variance.</summary>
internal sealed class MeanVarianceLearner(long slots, bool fixZero) : IAffineLearner
{
    private readonly double[] _mean = new double[slots];
    private readonly double[] _squares = new double[slots];
    private readonly long[] _count = new long[slots];

    public void Add(ReadOnlySpan<double> values)
    {
        Contracts.Check(values.Length == _mean.Length);
        for (int i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]) || double.IsInfinity(values[i]))
                continue;
            // Updated row by row: exact enough for long columns far from zero.
            _count[i]++;
            double delta = values[i] - _mean[i];
            _mean[i] += delta / _count[i];
            _squares[i] += delta * (values[i] - _mean[i]);
        }
    }

    public AffineModel Finish(bool single, DataViewType type)
    {
        var scale = new double[_mean.Length];
        var offset = new double[_mean.Length];
        for (int i = 0; i < scale.Length; i++)
        {
            if (_count[i] == 0)
                continue;
            double variance = _squares[i] / _count[i];
            double spread = Math.Sqrt(fixZero ? variance + _mean[i] * _mean[i] : variance);
            scale[i] = spread > 0 ? (single ? 1f / (float)spread : 1 / spread) : 0;
            offset[i] = fixZero ? 0 : single ? (float)_mean[i] : _mean[i];
        }
        return new AffineModel(type, scale, offset);
    }
}
