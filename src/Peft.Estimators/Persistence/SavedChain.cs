using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Persistence;

/// <summary>A saved step as steps of ML.NET, which alone can write themselves into a model file.</summary>
/// <remarks>
/// Every row looks up the package by a constant key, the mapping that a contract names predicts with it, and the class is
/// turned into a key with the label's own values. Nothing has to be registered where it is loaded.
/// </remarks>
internal static class SavedChain
{
    public static ITransformer Of(TransformsCatalog catalog, SavedClassifier classifier)
    {
        var (columns, labels) = (classifier.Columns, classifier.Labels);
        var packages = new TableView(
            1,
            Texts(TemporaryColumns.Key, PackageKeyMapping.Key),
            Texts(TemporaryColumns.Package, classifier.ToText()));
        var classes = new TableView(
            labels.Count,
            new TableColumn<uint>(TemporaryColumns.Class, NumberDataViewType.UInt32, [.. Enumerable.Range(1, labels.Count).Select(key => (uint)key)]),
            labels.Kind.Table(TemporaryColumns.Value, labels.Names));
        var values = new TableView(labels.Count, labels.Kind.Table(TemporaryColumns.Value, labels.Names));

        return catalog.CopyColumns(TemporaryColumns.Text, columns.Input)
            .Append(catalog.CustomMapping(new PackageKeyMapping().GetMapping(), PackageKeyMapping.Contract))
            .Append(LookUp(catalog, packages, TemporaryColumns.Key, TemporaryColumns.Package))
            .Append(catalog.CustomMapping(new TextClassificationMapping().GetMapping(), TextClassificationMapping.Contract))
            .Append(LookUp(catalog, classes, TemporaryColumns.Class, TemporaryColumns.Value))
            .Append(catalog.Conversion.MapValueToKey(columns.PredictedLabel, TemporaryColumns.Value, keyData: values))
            .Append(catalog.CopyColumns(columns.Score, TemporaryColumns.Score))
            .Append(catalog.DropColumns(TemporaryColumns.All))
            .Fit(TableView.NoRows(columns.Input));
    }

    /// <summary>The column that the package is looked up by, with its one value.</summary>
    public static TableView KeyRow() => new(1, Texts(TemporaryColumns.Key, PackageKeyMapping.Key));

    private static ValueMappingEstimator LookUp(TransformsCatalog catalog, IDataView table, string from, string to)
        => catalog.Conversion.MapValue(to, table, table.Schema[from], table.Schema[to], from);

    private static TableColumn<ReadOnlyMemory<char>> Texts(string name, string text)
        => new(name, TextDataViewType.Instance, [text.AsMemory()]);
}
