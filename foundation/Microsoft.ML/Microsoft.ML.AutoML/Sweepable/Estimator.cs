using Microsoft.ML.AutoML.CodeGen;

namespace Microsoft.ML.AutoML;

/// <summary>A step of a pipeline and its settings.</summary>
public class Estimator
{
    protected Estimator()
    {
        Parameter = SearchSpace.Parameter.CreateNestedParameter();
        EstimatorType = EstimatorType.Unknown;
    }

    public EstimatorType EstimatorType { get; set; }

    public SearchSpace.Parameter Parameter { get; set; }
}
