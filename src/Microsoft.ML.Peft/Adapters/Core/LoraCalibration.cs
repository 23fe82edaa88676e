namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What the measured starts of LoRA have in common.</summary>
internal abstract class LoraCalibration : AdapterCalibration
{
    private readonly CalibrationOptions _calibration;
    private readonly string[] _others;
    private readonly LoraStart _start;
    private readonly int _usualBatches;

    /// <param name="options">The start and how many rows it looks at.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="usualBatches">Most batches where the options say nothing.</param>
    protected LoraCalibration(LoraOptions options, AdapterSet adapter, int usualBatches)
    {
        (_start, _calibration, _usualBatches) = (options.Start, options.Calibration, usualBatches);
        Parts = [.. adapter.Adapters.OfType<ILoraPart>()];
        _others = [.. adapter.Adapters.OfType<LayerAdapter>().Where(part => part is ILowRankPart and not ILoraPart).Select(part => part.Path)];
    }

    /// <inheritdoc/>
    public sealed override int BatchSize => _calibration.BatchSize;

    /// <inheritdoc/>
    public override bool NeedsBatches => Parts.Count > 0;

    /// <summary>LoRA on linear layers, in the order of the layers.</summary>
    protected IReadOnlyList<ILoraPart> Parts { get; }

    /// <summary>Most batches.</summary>
    protected int MostBatches => _calibration.Batches ?? _usualBatches;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<string> Finish()
        => [.. Start(), .. _others.Length == 0 ? [] : new[] { $"{string.Join(", ", _others)}: no linear layers, which the start '{_start}' is for; they start as usual." }];

    /// <summary>Puts the start into the factors.</summary>
    /// <returns>What a user should know, one sentence each.</returns>
    protected abstract IReadOnlyList<string> Start();
}
