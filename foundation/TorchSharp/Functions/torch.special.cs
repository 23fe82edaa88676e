namespace TorchSharp;

public static partial class torch
{
    /// <summary>Special functions.</summary>
    public static class special
    {
        public static Tensor airy_ai(Tensor input, Tensor? @out = null) => Into(Ops.special_airy_ai.T(input), @out);
        public static Tensor bessel_j0(Tensor input, Tensor? @out = null) => Into(Ops.special_bessel_j0.T(input), @out);
        public static Tensor bessel_j1(Tensor input, Tensor? @out = null) => Into(Ops.special_bessel_j1.T(input), @out);
        public static Tensor bessel_y0(Tensor input, Tensor? @out = null) => Into(Ops.special_bessel_y0.T(input), @out);
        public static Tensor bessel_y1(Tensor input, Tensor? @out = null) => Into(Ops.special_bessel_y1.T(input), @out);
        public static Tensor chebyshev_polynomial_t(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_chebyshev_polynomial_t.T(x, n), @out);
        public static Tensor chebyshev_polynomial_u(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_chebyshev_polynomial_u.T(x, n), @out);
        public static Tensor chebyshev_polynomial_v(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_chebyshev_polynomial_v.T(x, n), @out);
        public static Tensor chebyshev_polynomial_w(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_chebyshev_polynomial_w.T(x, n), @out);
        public static Tensor digamma(Tensor input) => Ops.special_digamma.T(input);
        public static Tensor entr(Tensor input) => Ops.special_entr.T(input);
        public static Tensor erf(Tensor input) => Ops.special_erf.T(input);
        public static Tensor erfc(Tensor input) => Ops.special_erfc.T(input);
        public static Tensor erfcx(Tensor input) => Ops.special_erfcx.T(input);
        public static Tensor erfinv(Tensor input) => Ops.special_erfinv.T(input);
        public static Tensor exp2(Tensor input) => Ops.special_exp2.T(input);
        public static Tensor expit(Tensor input) => Ops.special_expit.T(input);
        public static Tensor expm1(Tensor input) => Ops.special_expm1.T(input);
        public static Tensor gammainc(Tensor input, Tensor other) => Ops.special_gammainc.T(input, other);
        public static Tensor gammaincc(Tensor input, Tensor other) => Ops.special_gammaincc.T(input, other);
        public static Tensor gammaln(Tensor input) => Ops.special_gammaln.T(input);
        public static Tensor hermite_polynomial_h(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_hermite_polynomial_h.T(x, n), @out);
        public static Tensor hermite_polynomial_he(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_hermite_polynomial_he.T(x, n), @out);
        public static Tensor i0(Tensor input) => Ops.special_i0.T(input);
        public static Tensor i0e(Tensor input) => Ops.special_i0e.T(input);
        public static Tensor i1(Tensor input) => Ops.special_i1.T(input);
        public static Tensor i1e(Tensor input) => Ops.special_i1e.T(input);
        public static Tensor laguerre_polynomial_l(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_laguerre_polynomial_l.T(x, n), @out);
        public static Tensor legendre_polynomial_p(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_legendre_polynomial_p.T(x, n), @out);
        public static Tensor log_softmax(Tensor input, long dim, ScalarType? dtype = null) => Ops.special_log_softmax.T(input, dim, dtype);
        public static Tensor logit(Tensor input) => Ops.special_logit.T(input);
        public static Tensor modified_bessel_i0(Tensor input, Tensor? @out = null) => Into(Ops.special_modified_bessel_i0.T(input), @out);
        public static Tensor modified_bessel_i1(Tensor input, Tensor? @out = null) => Into(Ops.special_modified_bessel_i1.T(input), @out);
        public static Tensor modified_bessel_k0(Tensor input, Tensor? @out = null) => Into(Ops.special_modified_bessel_k0.T(input), @out);
        public static Tensor modified_bessel_k1(Tensor input, Tensor? @out = null) => Into(Ops.special_modified_bessel_k1.T(input), @out);
        public static Tensor multigammaln(Tensor input, long p) => Ops.special_multigammaln.T(input, p);
        public static Tensor ndtr(Tensor input) => Ops.special_ndtr.T(input);
        public static Tensor ndtri(Tensor input) => Ops.special_ndtri.T(input);
        public static Tensor polygamma(long n, Tensor input) => Ops.special_polygamma.T(n, input);
        public static Tensor psi(Tensor input) => Ops.special_psi.T(input);
        public static Tensor scaled_modified_bessel_k0(Tensor input, Tensor? @out = null) =>
            Into(Ops.special_scaled_modified_bessel_k0.T(input), @out);
        public static Tensor scaled_modified_bessel_k1(Tensor input, Tensor? @out = null) =>
            Into(Ops.special_scaled_modified_bessel_k1.T(input), @out);
        public static Tensor shifted_chebyshev_polynomial_t(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_shifted_chebyshev_polynomial_t.T(x, n), @out);
        public static Tensor shifted_chebyshev_polynomial_u(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_shifted_chebyshev_polynomial_u.T(x, n), @out);
        public static Tensor shifted_chebyshev_polynomial_v(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_shifted_chebyshev_polynomial_v.T(x, n), @out);
        public static Tensor shifted_chebyshev_polynomial_w(Tensor x, Tensor n, Tensor? @out = null) =>
            Into(Ops.special_shifted_chebyshev_polynomial_w.T(x, n), @out);
        public static Tensor sigmoid(Tensor input) => input.sigmoid();
        public static Tensor sigmoid_(Tensor input) => input.sigmoid_();
        public static Tensor sinc(Tensor input) => Ops.special_sinc.T(input);
        public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => Ops.special_softmax.T(input, dim, dtype);
        public static Tensor spherical_bessel_j0(Tensor input, Tensor? @out = null) => Into(Ops.special_spherical_bessel_j0.T(input), @out);
        public static Tensor xlog1py(Tensor input, Tensor other) => Ops.special_xlog1py.T(input, other);
        public static Tensor zeta(Tensor x, Tensor q) => Ops.special_zeta.T(x, q);
    }
}
