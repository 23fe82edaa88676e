namespace TorchSharp;

// Products and decompositions of matrices.
internal static partial class Ops
{
    internal static readonly Op
        addbmm = new("addbmm"), addbmm_ = new("addbmm_"), addmm = new("addmm"), addmm_ = new("addmm_"), addmv = new("addmv"),
        addmv_ = new("addmv_"), addr = new("addr"), addr_ = new("addr_"), baddbmm = new("baddbmm"), bmm = new("bmm"),
        cholesky_inverse = new("cholesky_inverse"), cholesky_solve = new("cholesky_solve"), det = new("det"), dot = new("dot"),
        geqrf = new("geqrf"), ger = new("ger"), inner = new("inner"), inverse = new("inverse"), kron = new("kron"),
        logdet = new("logdet"), matrix_exp = new("matrix_exp"), matrix_power = new("matrix_power"), mm = new("mm"), mv = new("mv"),
        ormqr = new("ormqr"), outer = new("outer"), renorm = new("renorm"), vdot = new("vdot"), orgqr = new("orgqr");
}
