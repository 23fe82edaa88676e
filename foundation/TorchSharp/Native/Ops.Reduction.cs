namespace TorchSharp;

// Reductions and running reductions.
internal static partial class Ops
{
    internal static readonly Op
        all = new("all"), all_dim = new("all.dim"), aminmax = new("aminmax"), any = new("any"), any_dim = new("any.dim"),
        argmax = new("argmax"), argmin = new("argmin"), bincount = new("bincount"), corrcoef = new("corrcoef"), cummax = new("cummax"),
        cummin = new("cummin"), cumprod = new("cumprod"), cumsum = new("cumsum"), cumulative_trapezoid_x = new("cumulative_trapezoid.x"),
        cumulative_trapezoid_dx = new("cumulative_trapezoid.dx"), diff = new("diff"), dist = new("dist"),
        logcumsumexp = new("logcumsumexp"), logsumexp = new("logsumexp"), mean = new("mean"), mean_dim = new("mean.dim"),
        median = new("median"), mode = new("mode"), nanmean = new("nanmean"), nanmedian = new("nanmedian"),
        nanquantile = new("nanquantile"), nansum = new("nansum"), prod = new("prod"), prod_dim_int = new("prod.dim_int"),
        quantile = new("quantile"), sum_dim_IntList = new("sum.dim_IntList"), sum = new("sum"), trace = new("trace"),
        trapezoid_x = new("trapezoid.x"), trapezoid_dx = new("trapezoid.dx"), trapz_x = new("trapz.x"), trapz_dx = new("trapz.dx");
}
