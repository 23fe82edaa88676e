using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

[assembly: Microsoft.ML.LoadableClass("MulticlassLinear", typeof(LinearMulticlassModelParameters))]
[assembly: Microsoft.ML.LoadableClass("MultiClassLRExec", typeof(MaximumEntropyModelParameters))]

namespace Microsoft.ML.Trainers;

/// <summary>Base of models with a weight vector and a bias for each class.</summary>
public abstract class LinearMulticlassModelParametersBase : ModelParametersBase<VBuffer<float>>, IClassScorer
{
    private const string NamesStream = "LabelNames";
    private const int MaxWeights = 1 << 27;

    private readonly VBuffer<float>[] _weights;
    private readonly float[] _biases;
    private readonly string[] _names;
    private readonly double[][] _dense;

    public readonly ModelStatisticsBase Statistics;

    private protected LinearMulticlassModelParametersBase(VBuffer<float>[] weights, float[] biases, string[] names, ModelStatisticsBase statistics)
    {
        _weights = weights;
        _biases = biases;
        _names = names;
        _dense = weights.Select(w => FeatureMath.Dense(w)).ToArray();
        Statistics = statistics;
    }

    public IEnumerable<float> GetBiases() => _biases.AsEnumerable();

    public void GetWeights(ref VBuffer<float>[] weights, out int numClasses)
    {
        numClasses = _weights.Length;
        if (weights is null || weights.Length < numClasses)
            weights = new VBuffer<float>[numClasses];
        for (int k = 0; k < numClasses; k++)
            _weights[k].CopyTo(ref weights[k]);
    }

    int IClassScorer.Classes => _weights.Length;

    void IClassScorer.Score(in VBuffer<float> features, float[] scores)
    {
        Contracts.Check(features.Length == _dense[0].Length, "src length should equal the number of features");
        for (int k = 0; k < scores.Length; k++)
            scores[k] = (float)(_biases[k] + FeatureMath.Dot(_dense[k], features));
        Calibrate(scores);
    }

    /// <summary>What is made of the linear scores.</summary>
    private protected abstract void Calibrate(float[] scores);

    private protected override void SaveCore(ModelSaveContext ctx)
    {
        var w = ctx.Writer;
        int features = _weights[0].Length;
        w.Write(features);
        w.Write(_weights.Length);
        foreach (float bias in _biases)
            w.Write(bias);
        if (_weights.All(v => v.IsDense))
        {
            w.Write(0);
            w.Write(0);
            w.Write(features * _weights.Length);
            foreach (var vector in _weights)
                WriteNumbers(w, vector.GetValues());
        }
        else
        {
            SaveRows(w);
        }
        if (_names is not null)
        {
            ctx.SaveStream(NamesStream, stream =>
            {
                using var names = new BinaryWriter(stream);
                foreach (string name in _names)
                    names.Write(ctx.IdOf(name));
            });
        }
        if (Statistics is not null)
            ctx.SaveModel(Statistics, ModelStatisticsBase.Folder);
    }

    /// <summary>The weights that are not zero, class by class: where each begins, the slots, the values.</summary>
    private void SaveRows(BinaryWriter w)
    {
        var rows = _weights.Select(v => v.Items().Where(i => i.Value != 0).ToArray()).ToArray();
        w.Write(rows.Length + 1);
        int start = 0;
        w.Write(start);
        foreach (var row in rows)
            w.Write(start += row.Length);
        w.Write(start);
        foreach (var (slot, _) in rows.SelectMany(r => r))
            w.Write(slot);
        w.Write(start);
        foreach (var (_, value) in rows.SelectMany(r => r))
            w.Write(value);
    }

    private static void WriteNumbers(BinaryWriter w, ReadOnlySpan<float> numbers)
    {
        foreach (float x in numbers)
            w.Write(x);
    }

    private protected static (VBuffer<float>[] Weights, float[] Biases, string[] Names, ModelStatisticsBase Statistics) Read(IHostEnvironment env, ModelLoadContext ctx)
    {
        CheckNumberSize(ctx);
        int features = ctx.Reader.ReadInt32();
        int classes = ctx.ReadCount(4);
        Contracts.CheckDecode(features >= 1 && classes >= 1 && (long)features * classes <= MaxWeights);
        var biases = ReadNumbers(ctx, classes);
        int starts = ctx.ReadCount(4);
        var weights = starts == 0 ? ReadDense(ctx, features, classes) : ReadRows(ctx, features, classes, starts);
        return (weights, biases, ReadNames(ctx, classes), ModelStatisticsBase.LoadOrNull(env, ctx));
    }

    private static VBuffer<float>[] ReadDense(ModelLoadContext ctx, int features, int classes)
    {
        Contracts.CheckDecode(ctx.Reader.ReadInt32() == 0 && ctx.ReadCount(4) == features * classes);
        return Enumerable.Range(0, classes).Select(_ => new VBuffer<float>(features, ReadNumbers(ctx, features))).ToArray();
    }

    private static VBuffer<float>[] ReadRows(ModelLoadContext ctx, int features, int classes, int count)
    {
        Contracts.CheckDecode(count == classes + 1);
        var starts = Enumerable.Range(0, count).Select(_ => ctx.Reader.ReadInt32()).ToArray();
        Contracts.CheckDecode(starts[0] == 0 && starts.Zip(starts.Skip(1)).All(p => p.First <= p.Second && p.Second - p.First <= features));
        Contracts.CheckDecode(ctx.ReadCount(4) == starts[^1]);
        var slots = new int[classes][];
        for (int k = 0; k < classes; k++)
        {
            slots[k] = new int[starts[k + 1] - starts[k]];
            for (int i = 0; i < slots[k].Length; i++)
            {
                int slot = slots[k][i] = ctx.Reader.ReadInt32();
                Contracts.CheckDecode(slot >= 0 && slot < features && (i == 0 || slot > slots[k][i - 1]));
            }
        }
        Contracts.CheckDecode(ctx.ReadCount(4) == starts[^1]);
        return slots.Select(s => new VBuffer<float>(features, s.Length, ReadNumbers(ctx, s.Length), s)).ToArray();
    }

    private static float[] ReadNumbers(ModelLoadContext ctx, int count)
    {
        var numbers = new float[count];
        for (int i = 0; i < count; i++)
        {
            numbers[i] = ctx.Reader.ReadSingle();
            Contracts.CheckDecode(float.IsFinite(numbers[i]));
        }
        return numbers;
    }

    private static string[] ReadNames(ModelLoadContext ctx, int classes)
    {
        if (ctx.ReadStreamOrNull(NamesStream) is not { } bytes)
            return null;
        Contracts.CheckDecode(bytes.Length == 4L * classes);
        return Enumerable.Range(0, classes).Select(k => ctx.StringAt(BitConverter.ToInt32(bytes, 4 * k))).ToArray();
    }
}

/// <summary>A linear model of several classes whose scores are what its weights give.</summary>
public sealed class LinearMulticlassModelParameters : LinearMulticlassModelParametersBase
{
    private static readonly VersionInfo OwnVersion =
        new("MCLINEAR", 0x00010001, 0x00010001, 0x00010001, "MulticlassLinear", VersionInfo.TrainersAssembly);

    internal LinearMulticlassModelParameters(VBuffer<float>[] weights, float[] biases, string[] names = null, ModelStatisticsBase statistics = null)
        : base(weights, biases, names, statistics)
    {
    }

    private protected override VersionInfo Version => OwnVersion;

    private protected override void Calibrate(float[] scores)
    {
    }

    private static LinearMulticlassModelParameters Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(OwnVersion);
        var (weights, biases, names, statistics) = Read(env, ctx);
        return new LinearMulticlassModelParameters(weights, biases, names, statistics);
    }
}

/// <summary>Multinomial logistic regression: scores are probabilities.</summary>
public sealed class MaximumEntropyModelParameters : LinearMulticlassModelParametersBase
{
    private static readonly VersionInfo OwnVersion =
        new("MULTI LR", 0x00010003, 0x00010001, 0x00010001, "MultiClassLRExec", VersionInfo.TrainersAssembly);

    internal MaximumEntropyModelParameters(VBuffer<float>[] weights, float[] biases, string[] names = null, ModelStatisticsBase statistics = null)
        : base(weights, biases, names, statistics)
    {
    }

    private protected override VersionInfo Version => OwnVersion;

    private protected override void Calibrate(float[] scores)
    {
        float max = scores.Max();
        double sum = 0;
        foreach (float s in scores)
            sum += Math.Exp(s - max);
        for (int k = 0; k < scores.Length; k++)
            scores[k] = (float)(Math.Exp(scores[k] - max) / sum);
    }

    private static MaximumEntropyModelParameters Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(OwnVersion);
        var (weights, biases, names, statistics) = Read(env, ctx);
        return new MaximumEntropyModelParameters(weights, biases, names, statistics);
    }
}
