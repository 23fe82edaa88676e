namespace Bench.Claims.Core;

/// <summary>The scaled-down experiments that check what a method's paper says; one class a method, found by its interface.</summary>
internal interface IClaim
{
    /// <summary>The name on the command line and in the table, for example <c>dylora</c>.</summary>
    string Method { get; }

    /// <summary>Runs the experiments, one result a claim.</summary>
    IEnumerable<ClaimResult> Run(ClaimSettings settings);
}
