namespace Microsoft.ML.Data;

/// <summary>How a transformer bound to an input schema computes its output columns, row by row.</summary>
internal abstract class RowMapper(DataViewSchema inputSchema)
{
    public DataViewSchema InputSchema { get; } = inputSchema;

    /// <summary>The columns that are added, or take the place of those of the same name.</summary>
    public abstract DataViewSchema.DetachedColumn[] OutputColumns { get; }

    /// <summary>Marks the input columns that the active outputs need.</summary>
    public abstract void MarkDependencies(Func<int, bool> activeOutput, Action<int> needInput);

    /// <summary>The getters of the active outputs, null for the others.</summary>
    public abstract Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput);
}
