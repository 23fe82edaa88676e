using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Persistence;

/// <summary>A saved step as steps of ML.NET, which alone can write themselves into a model file.</summary>
/// <remarks>
/// Every row looks up the package by a constant key, the mapping that a contract names predicts with it, and the class is
/// turned into a key with the label's own values. Nothing has to be registered where it is loaded.
/// </remarks>
internal static class SavedChain
{
    public static ITransformer Of(TransformsCatalog catalog, SavedClassifier saved)
        => Of(
            catalog,
            saved.Columns,
            saved.Labels,
            saved.ToText(),
            TemporaryColumns.Text,
            catalog.CustomMapping(new TextClassificationMapping().GetMapping(), TextClassificationMapping.Contract),
            TableView.NoRows(saved.Columns.Input));

    public static ITransformer Of(TransformsCatalog catalog, SavedImageClassifier saved)
        => Of(
            catalog,
            saved.Columns,
            saved.Labels,
            saved.ToText(),
            TemporaryColumns.Image,
            saved.IsPath
                ? catalog.CustomMapping(new ImagePathMapping().GetMapping(), ImagePathMapping.Contract)
                : catalog.CustomMapping(new ImageBytesMapping().GetMapping(), ImageBytesMapping.Contract),
            saved.IsPath ? TableView.NoRows(saved.Columns.Input) : new TableView(
                0, new TableColumn<VBuffer<byte>>(saved.Columns.Input, new VectorDataViewType(NumberDataViewType.Byte), [])));

    private static ITransformer Of(
        TransformsCatalog catalog, ClassifierColumns columns, LabelValues labels, string package, string input, IEstimator<ITransformer> mapping, IDataView noRows)
    {
        var packages = new TableView(
            1,
            Texts(TemporaryColumns.Key, PackageKeyMapping.Key),
            Texts(TemporaryColumns.Package, package));
        var classes = new TableView(
            labels.Count,
            new TableColumn<uint>(TemporaryColumns.Class, NumberDataViewType.UInt32, [.. Enumerable.Range(1, labels.Count).Select(key => (uint)key)]),
            labels.Kind.Table(TemporaryColumns.Value, labels.Names));
        var values = new TableView(labels.Count, labels.Kind.Table(TemporaryColumns.Value, labels.Names));

        return catalog.CopyColumns(input, columns.Input)
            .Append(catalog.CustomMapping(new PackageKeyMapping().GetMapping(), PackageKeyMapping.Contract))
            .Append(LookUp(catalog, packages, TemporaryColumns.Key, TemporaryColumns.Package))
            .Append(mapping)
            .Append(LookUp(catalog, classes, TemporaryColumns.Class, TemporaryColumns.Value))
            .Append(catalog.Conversion.MapValueToKey(columns.PredictedLabel, TemporaryColumns.Value, keyData: values))
            .Append(catalog.CopyColumns(columns.Score, TemporaryColumns.Score))
            .Append(catalog.DropColumns(TemporaryColumns.All(input)))
            .Fit(noRows);
    }

    /// <summary>The column that the package is looked up by, with its one value.</summary>
    public static TableView KeyRow() => new(1, Texts(TemporaryColumns.Key, PackageKeyMapping.Key));

    private static ValueMappingEstimator LookUp(TransformsCatalog catalog, IDataView table, string from, string to)
        => catalog.Conversion.MapValue(to, table, table.Schema[from], table.Schema[to], from);

    private static TableColumn<ReadOnlyMemory<char>> Texts(string name, string text)
        => new(name, TextDataViewType.Instance, [text.AsMemory()]);
}
