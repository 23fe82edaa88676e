using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Transforms;

/// <summary>What transforms of pictures share.</summary>
internal static class ImageInputs
{
    public static ImageDataViewType Check(DataViewSchema.Column source) => source.Type as ImageDataViewType
        ?? throw Contracts.ExceptSchemaMismatch("inputSchema", "input", source.Name, "image", source.Type.ToString());

    /// <summary>The shape with the outputs of picture columns.</summary>
    public static SchemaShape Outputs(SchemaShape inputSchema, (string outputColumnName, string inputColumnName)[] pairs,
        Func<int, SchemaShape.Column, SchemaShape.Column> output) =>
        Outputs(inputSchema, pairs, column => column.ItemType is ImageDataViewType && column.Kind == SchemaShape.Column.VectorKind.Scalar ? null
            : new ImageDataViewType().ToString(), output);

    /// <summary>The shape with the outputs of columns that are as wanted; what is wanted of one that is not is told.</summary>
    public static SchemaShape Outputs(SchemaShape inputSchema, (string outputColumnName, string inputColumnName)[] pairs,
        Func<SchemaShape.Column, string> expectedOf, Func<int, SchemaShape.Column, SchemaShape.Column> output)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(pairs.Select((pair, i) =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (expectedOf(column) is { } expected)
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName, expected, column.TypeText());
            return output(i, column);
        }).ToArray());
    }

    /// <summary>A getter that makes a picture of the row's one; of none it makes none.</summary>
    public static Delegate Mapped(DataViewRow row, DataViewSchema.Column source, Func<MLImage, MLImage> map)
    {
        var getter = row.GetGetter<MLImage>(source);
        MLImage image = null;
        return (ValueGetter<MLImage>)((ref MLImage value) =>
        {
            getter(ref image);
            value = image is null ? null : map(image);
        });
    }
}
