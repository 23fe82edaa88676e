using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Multinomial logistic regression by L-BFGS, with weights of zero where the L1 term says so.</summary>
public sealed class LbfgsMaximumEntropyMulticlassTrainer : LbfgsTrainerBase<LbfgsMaximumEntropyMulticlassTrainer.Options,
    MulticlassPredictionTransformer<MaximumEntropyModelParameters>, MaximumEntropyModelParameters>
{
    internal LbfgsMaximumEntropyMulticlassTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(LbfgsMaximumEntropyMulticlassTrainer), options, TrainerShapes.ClassLabel(options.LabelColumnName))
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : OptionsBase
    {
        public bool ShowTrainingStatistics;

        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.Multiclass(inputSchema, LabelColumn.Name);

    public MulticlassPredictionTransformer<MaximumEntropyModelParameters> Fit(IDataView trainData, MaximumEntropyModelParameters modelParameters) =>
        FitFrom(trainData, data => Train(data, modelParameters is null ? null : VariablesOf(modelParameters)));

    private protected override MulticlassPredictionTransformer<MaximumEntropyModelParameters> Train(IDataView input) => Train(input, null);

    private static double[] VariablesOf(MaximumEntropyModelParameters model)
    {
        VBuffer<float>[] weights = null;
        model.GetWeights(ref weights, out int classes);
        return [.. model.GetBiases(), .. weights.Take(classes).SelectMany(w => w.DenseValues())];
    }

    private MulticlassPredictionTransformer<MaximumEntropyModelParameters> Train(IDataView input, double[] start)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        var objective = new LinearObjective(rows, rows.Classes, LbfgsOptions.L2Regularization, RowLosses.Softmax);
        var x = Minimize(objective, rows, start);
        ModelStatisticsBase statistics = null;
        if (LbfgsOptions.ShowTrainingStatistics)
        {
            var classWeights = new double[rows.Classes];
            for (int i = 0; i < rows.Count; i++)
                classWeights[(int)rows.Label(i)] += rows.Weight(i);
            statistics = Statistics(objective, rows, x, classWeights);
        }
        var weights = Enumerable.Range(0, rows.Classes).Select(k => new VBuffer<float>(rows.Dimension, objective.WeightsOf(x, k))).ToArray();
        var model = new MaximumEntropyModelParameters(weights, objective.BiasesOf(x), ClassNames(input.Schema[LabelColumn.Name], rows.Classes), statistics);
        return new(model, input.Schema, FeatureColumn.Name, LabelColumn.Name);
    }

    /// <summary>The names of the classes where every class has one of its own, else null.</summary>
    private static string[] ClassNames(DataViewSchema.Column label, int classes)
    {
        if (label.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues)?.Type is not VectorDataViewType { ItemType: TextDataViewType } type
            || type.Size != classes)
        {
            return null;
        }
        var values = default(VBuffer<ReadOnlyMemory<char>>);
        label.GetKeyValues(ref values);
        var names = values.DenseValues().Select(n => n.ToString()).ToArray();
        return names.All(n => n.Length > 0) && names.Distinct().Count() == classes ? names : null;
    }
}
