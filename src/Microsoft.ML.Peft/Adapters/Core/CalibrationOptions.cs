namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>How much data a start that is measured on training rows looks at; HF PEFT leaves it to the caller.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Rows of a batch: 1 to 65,536. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Most batches: 1 or more. Default null: 8, and for EVA, which stops by itself, 256.</summary>
    public int? Batches { get; init; }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside its range.</exception>
    internal void Validate()
    {
        Guard.InRange(BatchSize, 1, 65_536, "Calibration.BatchSize");
        if (Batches is { } batches)
        {
            Guard.AtLeast(batches, 1, "Calibration.Batches");
        }
    }
}
