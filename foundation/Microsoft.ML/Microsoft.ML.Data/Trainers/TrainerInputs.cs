namespace Microsoft.ML.Trainers;

/// <summary>Base of trainers' options: the feature column.</summary>
public abstract class TrainerInputBase
{
    public string FeatureColumnName = "Features";

    private protected TrainerInputBase()
    {
    }
}

/// <summary>With a label column.</summary>
public abstract class TrainerInputBaseWithLabel : TrainerInputBase
{
    public string LabelColumnName = "Label";

    private protected TrainerInputBaseWithLabel()
    {
    }
}

/// <summary>With a column of weights.</summary>
public abstract class TrainerInputBaseWithWeight : TrainerInputBaseWithLabel
{
    public string ExampleWeightColumnName;

    private protected TrainerInputBaseWithWeight()
    {
    }
}
