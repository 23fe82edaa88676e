using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>How far metrics move when the values of one feature are dealt out anew to the rows.</summary>
internal static class FeaturePermutation
{
    public static List<TStatistics> Measure<TMetrics, TStatistics>(IHostEnvironment env, ISingleFeaturePredictionTransformer<object> model, IDataView data,
        Func<IDataView, TMetrics> evaluate, Func<TStatistics> statistics, bool useFeatureWeightFilter, int? numberOfExamplesToUse, int permutationCount)
        where TStatistics : IMetricsStatistics<TMetrics>
    {
        Contracts.CheckValue(model, nameof(model));
        Contracts.CheckValue(data, nameof(data));
        Contracts.Check(numberOfExamplesToUse is null or > 0, "Provide how many examples to use (positive number) or set to null to use whole dataset.");
        if (useFeatureWeightFilter)
            throw Contracts.ExceptNotSupp("useFeatureWeightFilter is not supported by this foundation; leave it false and every feature is measured.");
        var features = data.Schema[model.FeatureColumnName];
        if (features.Type is not VectorDataViewType { IsKnownSize: true, ItemType: NumberDataViewType { RawType: var item } } type || item != typeof(float))
            throw Contracts.Except($"Column '{features.Name}' has type {features.Type}; features must be a vector of Single of known size");

        var host = env.Register("PermutationFeatureImportance");
        using var channel = host.Start("GetImportanceMetrics");
        channel.Trace(MessageSensitivity.None, "Scoring and evaluating baseline.");
        var baseline = evaluate(model.Transform(data));
        channel.Info(MessageSensitivity.None, "Number of slots: {0}", type.Size);
        var slots = Read(data, features, type.Size, numberOfExamplesToUse ?? Array.MaxLength);
        int rows = slots[0].Count;
        if (rows == 0)
        {
            channel.Warning(MessageSensitivity.None, "Detected no examples for evaluation.");
            return [];
        }
        channel.Info(MessageSensitivity.None, "Detected {0} examples for evaluation.", rows);
        var random = new HybridTausworthe((uint)host.Rand.Next());
        var moved = new List<TStatistics>();
        foreach (var (slot, read) in slots.Index())
        {
            var values = read.ToArray();
            var spread = statistics();
            for (int i = 0; i < permutationCount; i++)
            {
                Shuffle(random, values);
                IDataView view = new PermutedSlotView(data, features, slot, values);
                if (rows == numberOfExamplesToUse)
                    view = new SkipTakeView(view, 0, rows);
                spread.Add(evaluate(model.Transform(view)), baseline);
            }
            moved.Add(spread);
        }
        return moved;
    }

    /// <summary>The values of each slot, row by row.</summary>
    private static List<float>[] Read(IDataView data, DataViewSchema.Column features, int size, int most)
    {
        var slots = Enumerable.Range(0, size).Select(_ => new List<float>()).ToArray();
        using var cursor = data.GetRowCursor([features]);
        var getter = cursor.GetGetter<VBuffer<float>>(features);
        VBuffer<float> row = default;
        var dense = new float[size];
        while (slots[0].Count < most && cursor.MoveNext())
        {
            getter(ref row);
            row.CopyTo(dense);
            for (int i = 0; i < size; i++)
                slots[i].Add(dense[i]);
        }
        return slots;
    }

    private static void Shuffle(Random random, float[] values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            int other = i + random.Next(values.Length - i);
            (values[i], values[other]) = (values[other], values[i]);
        }
    }

    /// <summary>The last step that predicts from one feature column.</summary>
    public static ISingleFeaturePredictionTransformer<object> Predictor(ITransformer model)
    {
        Contracts.CheckValue(model, nameof(model));
        var steps = model is IEnumerable<ITransformer> chain ? chain : [model];
        return steps.OfType<ISingleFeaturePredictionTransformer<object>>().LastOrDefault()
            ?? throw new ArgumentNullException("lastTransformer", "The model provided does not have a compatible predictor");
    }

    /// <summary>The names of the slots, or their numbers where they have none.</summary>
    public static string[] SlotNames(IDataView data, string features, int count)
    {
        var column = data.Schema[features];
        VBuffer<ReadOnlyMemory<char>> names = default;
        if (column.HasSlotNames())
            column.GetSlotNames(ref names);
        var all = names.DenseValues().Select(n => n.ToString()).ToArray();
        return Enumerable.Range(0, count).Select(i => i < all.Length && all[i].Length > 0 ? all[i] : $"Slot {i}").ToArray();
    }
}
