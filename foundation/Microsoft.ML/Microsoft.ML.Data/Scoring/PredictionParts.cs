using Microsoft.ML.Calibrators;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>What every saved prediction transformer begins with: its model, the training schema and the feature column.</summary>
internal sealed record PredictionParts(object Model, DataViewSchema TrainSchema, string FeatureColumn)
{
    public const string ModelFolder = "Model";
    public const string SchemaStream = "TrainSchema";

    public static PredictionParts Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        var model = ctx.LoadModel<object>(env, ModelFolder);
        var schema = DataViewFile.Read(ctx.ReadStreamOrNull(SchemaStream) ?? throw Contracts.ExceptDecode()).Schema;
        string feature = ctx.LoadStringOrNull();
        Contracts.CheckDecode(feature is not null && schema.GetColumnOrNull(feature)?.Type is VectorDataViewType { IsKnownSize: true } type
            && type.ItemType.Equals(NumberDataViewType.Single));
        return new PredictionParts(model, schema, feature);
    }

    /// <summary>The type that the transformer names its model by: calibrated ones by their public base.</summary>
    public Type ModelType => Model is CalibratedModelParametersBase ? Model.GetType().BaseType : Model.GetType();
}
