namespace TorchSharp;

public static partial class torch
{
    // Products and decompositions of matrices.
    public partial class Tensor
    {
        public Tensor addbmm(Tensor batch1, Tensor batch2, float beta = 1f, float alpha = 1f) =>
            Ops.addbmm.T(this, batch1, batch2, beta, alpha);
        public Tensor addbmm_(Tensor batch1, Tensor batch2, float beta = 1f, float alpha = 1f) =>
            Ops.addbmm_.Do(this, batch1, batch2, beta, alpha);
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1f, float alpha = 1f) => Ops.addmm.T(this, mat1, mat2, beta, alpha);
        public Tensor addmm_(Tensor mat1, Tensor mat2, float beta = 1f, float alpha = 1f) => Ops.addmm_.Do(this, mat1, mat2, beta, alpha);
        public Tensor addmv(Tensor mat, Tensor vec, float beta = 1f, float alpha = 1f) => Ops.addmv.T(this, mat, vec, beta, alpha);
        public Tensor addmv_(Tensor mat, Tensor vec, float beta = 1f, float alpha = 1f) => Ops.addmv_.Do(this, mat, vec, beta, alpha);
        public Tensor addr(Tensor vec1, Tensor vec2, float beta = 1f, float alpha = 1f) => Ops.addr.T(this, vec1, vec2, beta, alpha);
        public Tensor addr_(Tensor vec1, Tensor vec2, float beta = 1f, float alpha = 1f) => Ops.addr_.Do(this, vec1, vec2, beta, alpha);
        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1f, float alpha = 1f) =>
            Ops.baddbmm.T(this, batch1, batch2, beta, alpha);
        public Tensor bmm(Tensor batch2) => Ops.bmm.T(this, batch2);
        public Tensor cholesky_inverse(bool upper = false) => Ops.cholesky_inverse.T(this, upper);
        public Tensor cholesky_solve(Tensor input2, bool upper = false) => Ops.cholesky_solve.T(this, input2, upper);
        public Tensor det() => Ops.det.T(this);
        public Tensor dot(Tensor target) => Ops.dot.T(this, target);
        public (Tensor a, Tensor tau) geqrf() => Ops.geqrf.Call(this).T2;
        public Tensor ger(Tensor vec2) => Ops.ger.T(this, vec2);
        public Tensor inner(Tensor vec2) => Ops.inner.T(this, vec2);
        public Tensor inverse() => Ops.inverse.T(this);
        public Tensor kron(Tensor other) => Ops.kron.T(this, other);
        public Tensor logdet() => Ops.logdet.T(this);
        public Tensor matrix_exp() => Ops.matrix_exp.T(this);
        public Tensor matrix_power(int n) => Ops.matrix_power.T(this, n);
        public Tensor mm(Tensor target) => Ops.mm.T(this, target);
        public Tensor mv(Tensor target) => Ops.mv.T(this, target);
        public Tensor ormqr(Tensor tau, Tensor other, bool left = true, bool transpose = false) =>
            Ops.ormqr.T(this, tau, other, left, transpose);
        public Tensor outer(Tensor vec2) => Ops.outer.T(this, vec2);
        public Tensor renorm(float p, long dim, float maxnorm) => Ops.renorm.T(this, p, dim, maxnorm);
        public Tensor vdot(Tensor target) => Ops.vdot.T(this, target);
    }
}
