namespace Microsoft.ML.Data;

/// <summary>Gives a row one score, computed by a model.</summary>
internal interface IScalarScorer
{
    float Score(in VBuffer<float> features);
}

/// <summary>Gives each class a score, computed by a model.</summary>
internal interface IClassScorer
{
    int Classes { get; }

    void Score(in VBuffer<float> features, float[] scores);
}
