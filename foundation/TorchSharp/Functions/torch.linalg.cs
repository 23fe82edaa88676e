namespace TorchSharp;

public static partial class torch
{
    /// <summary>Linear algebra.</summary>
    public static class linalg
    {
        public enum QRMode
        {
            Reduced = 0,
            Complete = 1,
            R = 2,
        }

        public static Tensor cholesky(Tensor input) => Ops.linalg_cholesky.T(input);
        public static (Tensor L, Tensor info) cholesky_ex(Tensor input, bool check_errors = false) =>
            Ops.linalg_cholesky_ex.Call(input, default, check_errors).T2;
        public static Tensor cond(Tensor input) => Ops.linalg_cond.T(input, Arg.None);
        public static Tensor cond(Tensor input, double p) => Ops.linalg_cond.T(input, p);
        public static Tensor cond(Tensor input, int p) => Ops.linalg_cond.T(input, (double)p);
        public static Tensor cond(Tensor input, string p) => Ops.linalg_cond_p_str.T(input, p);
        public static Tensor cross(Tensor input, Tensor other, long dim = -1) => Ops.linalg_cross.T(input, other, dim);
        public static Tensor det(Tensor input) => Ops.linalg_det.T(input);
        public static Tensor diagonal(Tensor input, int offset = 0, int dim1 = -2, int dim2 = -1) =>
            Ops.linalg_diagonal.T(input, offset, dim1, dim2);
        public static (Tensor, Tensor) eig(Tensor input) => Ops.linalg_eig.Call(input).T2;
        public static (Tensor, Tensor) eigh(Tensor input, char UPLO = 'L') => Ops.linalg_eigh.Call(input, UPLO.ToString()).T2;
        public static Tensor eigvals(Tensor input) => Ops.linalg_eigvals.T(input);
        public static Tensor eigvalsh(Tensor input, char UPLO = 'L') => Ops.linalg_eigvalsh.T(input, UPLO.ToString());
        public static Tensor householder_product(Tensor A, Tensor tau) => Ops.linalg_householder_product.T(A, tau);
        public static Tensor inv(Tensor input) => Ops.linalg_inv.T(input);
        public static (Tensor L, Tensor info) inv_ex(Tensor input, bool check_errors = false) =>
            Ops.linalg_inv_ex.Call(input, check_errors).T2;
        public static (Tensor LU, Tensor Pivots) ldl_factor(Tensor input, bool hermitian = true) =>
            Ops.linalg_ldl_factor.Call(input, hermitian).T2;
        public static (Tensor LU, Tensor Pivots, Tensor Info) ldl_factor_ex(Tensor input, bool hermitian = true, bool check_errors = false) =>
            Ops.linalg_ldl_factor_ex.Call(input, hermitian, check_errors).T3;
        public static Tensor ldl_solve(Tensor LD, Tensor pivots, Tensor B, bool hermitian = false) =>
            Ops.linalg_ldl_solve.T(LD, pivots, B, hermitian);
        public static (Tensor Solution, Tensor Residuals, Tensor Rank, Tensor SingularValues) lstsq(Tensor input, Tensor other) =>
            Ops.linalg_lstsq.Call(input, other).T4;
        public static (Tensor Solution, Tensor Residuals, Tensor Rank, Tensor SingularValues) lstsq(Tensor input, Tensor other, double rcond) =>
            Ops.linalg_lstsq.Call(input, other, rcond).T4;
        public static (Tensor P, Tensor L, Tensor U) lu(Tensor input, bool pivot = true) => Ops.linalg_lu.Call(input, pivot).T3;
        public static (Tensor LU, Tensor Pivots) lu_factor(Tensor input, bool pivot = true) => Ops.linalg_lu_factor.Call(input, pivot).T2;
        public static Tensor lu_solve(Tensor LU, Tensor pivots, Tensor B, bool left = true, bool adjoint = false, Tensor? @out = null) =>
            Into(Ops.linalg_lu_solve.T(LU, pivots, B, left, adjoint), @out);
        public static Tensor matrix_exp(Tensor input) => Ops.linalg_matrix_exp.T(input);
        public static Tensor matrix_norm(Tensor input, double ord, long[]? dims = null, bool keepdim = false) =>
            Ops.linalg_matrix_norm.T(input, ord, dims ?? [-2, -1], keepdim);
        public static Tensor matrix_norm(Tensor input, string ord = "fro", long[]? dims = null, bool keepdim = false) =>
            Ops.linalg_matrix_norm_str_ord.T(input, ord, dims ?? [-2, -1], keepdim);
        public static Tensor matrix_rank(Tensor input, Tensor atol, Tensor? rtol = null, bool hermitian = false) =>
            Ops.linalg_matrix_rank_atol_rtol_tensor.T(input, atol, rtol, hermitian);
        public static Tensor matrix_rank(Tensor input, double? atol = null, double? rtol = null, bool hermitian = false) =>
            Ops.linalg_matrix_rank_atol_rtol_float.T(input, atol, rtol, hermitian);
        public static Tensor multi_dot(IList<Tensor> tensors) => Ops.linalg_multi_dot.T(tensors as Tensor[] ?? [.. tensors]);
        public static Tensor norm(Tensor input, double ord, long[]? dims = null, bool keepdim = false) =>
            Ops.linalg_norm.T(input, ord, dims, keepdim);
        public static Tensor norm(Tensor input, int ord, long[]? dims = null, bool keepdim = false) =>
            Ops.linalg_norm.T(input, (double)ord, dims, keepdim);
        public static Tensor norm(Tensor input, long[]? dims = null, bool keepdim = false) =>
            Ops.linalg_norm.T(input, Arg.None, dims, keepdim);
        public static Tensor norm(Tensor input, string ord, long[]? dims = null, bool keepdim = false) =>
            Ops.linalg_norm_ord_str.T(input, ord, dims, keepdim);
        public static Tensor pinv(Tensor input, Tensor atol, Tensor? rtol = null, bool hermitian = false) =>
            Ops.linalg_pinv_atol_rtol_tensor.T(input, atol, rtol, hermitian);
        public static Tensor pinv(Tensor input, double? atol = null, double? rtol = null, bool hermitian = false) =>
            Ops.linalg_pinv_atol_rtol_float.T(input, atol, rtol, hermitian);
        public static (Tensor Q, Tensor R) qr(Tensor input, linalg.QRMode mode = linalg.QRMode.Reduced) =>
            Ops.linalg_qr.Call(input, mode.ToString().ToLowerInvariant()).T2;
        public static (Tensor, Tensor) slogdet(Tensor input) => Ops.linalg_slogdet.Call(input).T2;
        public static Tensor solve(Tensor A, Tensor B, bool left = true) => Ops.linalg_solve.T(A, B, left);
        public static (Tensor result, Tensor info) solve_ex(Tensor A, Tensor B, bool left = true, bool check_errors = false) =>
            Ops.linalg_solve_ex.Call(A, B, left, check_errors).T2;
        public static Tensor solve_triangular(Tensor A, Tensor B, bool upper, bool left = true, bool unitriangular = false, Tensor? @out = null) =>
            Into(Ops.linalg_solve_triangular.T(A, B, upper, left, unitriangular), @out);
        public static (Tensor U, Tensor S, Tensor Vh) svd(Tensor input, bool fullMatrices = true) =>
            Ops.linalg_svd.Call(input, fullMatrices).T3;
        public static Tensor svdvals(Tensor input) => Ops.linalg_svdvals.T(input);
        public static Tensor tensorinv(Tensor input, long ind) => Ops.linalg_tensorinv.T(input, ind);
        public static Tensor tensorsolve(Tensor A, Tensor B, long[] dims) => Ops.linalg_tensorsolve.T(A, B, dims);
        public static Tensor vander(Tensor input, long? N = null) => Ops.linalg_vander.T(input, N);
        public static Tensor vecdot(Tensor x, Tensor y, long dim = -1, Tensor? @out = null) => Into(Ops.linalg_vecdot.T(x, y, dim), @out);
        public static Tensor vector_norm(Tensor input, double ord = 2, long[]? dims = null, bool keepdim = false) =>
            Ops.linalg_vector_norm.T(input, ord, dims, keepdim);
    }
}
