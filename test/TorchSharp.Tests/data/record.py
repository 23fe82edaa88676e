#!/usr/bin/env python3
"""Records what PyTorch computes, for RecordedTests: python3 record.py > recorded.json (made with Debian's python3-torch 1.13.1)."""
import json
import torch

torch.manual_seed(1234)
cases = []


def enc(v):
    if isinstance(v, torch.Tensor):
        dtype = str(v.dtype).split(".")[1]
        data = torch.view_as_real(v.resolve_conj()).reshape(-1).tolist() if v.is_complex() else v.reshape(-1).tolist()
        data = [("nan" if x != x else "inf" if x > 0 else "-inf") if isinstance(x, float) and (x != x or abs(x) == float("inf")) else x for x in data]
        return {"t": list(v.shape), "d": dtype, "v": data}
    if isinstance(v, (list, tuple)):
        return [enc(x) for x in v]
    return v


def case(where, name, ins, args=(), fn=None):
    ins = [i.clone() for i in ins]
    saved = [enc(i) for i in ins]
    f = fn or (getattr(torch.Tensor, name) if hasattr(torch.Tensor, name) else getattr(torch, name))
    out = f(*ins, *args)
    cases.append({"where": where, "op": name, "in": saved, "args": [enc(a) for a in args], "out": enc(out)})


g = lambda *s: torch.round(torch.randn(*s) * 1000) / 1000
x = g(3, 4)
y = g(3, 4)
pos = x.abs() + 0.1
unit = x.clamp(-0.9, 0.9)
ints = torch.randint(-8, 9, (3, 4))
ints2 = torch.randint(1, 9, (3, 4))

for n in "abs absolute asin asinh atan ceil cos cosh deg2rad erf erfc exp exp2 expm1 fix floor frac i0 neg negative positive rad2deg relu relu6 sigmoid sgn sign signbit silu sin sinc sinh selu celu square tan tanh trunc hardsigmoid hardswish log_sigmoid nan_to_num isfinite isinf isnan isreal logical_not argwhere nonzero ravel flipud fliplr trace t sum mean std var median max min prod argmax argmin all any msort cov corrcoef".split():
    f = {"relu6": torch.nn.functional.relu6, "selu": torch.selu, "silu": torch.nn.functional.silu, "celu": torch.celu, "hardsigmoid": torch.nn.functional.hardsigmoid,
         "hardswish": torch.nn.functional.hardswish, "log_sigmoid": torch.nn.functional.logsigmoid, "isreal": torch.isreal, "atleast_1d": torch.atleast_1d}.get(n)
    case("tensor", n, [x], fn=f)
for n in "acos acosh atanh erfinv digamma lgamma log log10 log1p log2 sqrt rsqrt reciprocal logit".split():
    case("tensor", n, [pos.clamp(max=0.9) if n in ("acos", "atanh", "erfinv", "logit") else pos + 1 if n == "acosh" else pos])
for n in "add sub mul div atan2 copysign fmax fmin maximum minimum hypot logaddexp logaddexp2 remainder fmod eq ne lt le gt ge logical_and logical_or logical_xor xlogy float_power pow dist heaviside nextafter isclose".split():
    case("tensor", n, [pos, y.abs() + 0.5])
for n in "bitwise_and bitwise_or bitwise_xor gcd lcm floor_divide".split():
    case("tensor", n, [ints, ints2])
case("tensor", "bitwise_not", [ints])
case("tensor", "bitwise_left_shift", [ints2, torch.ones(3, 4, dtype=torch.int64)])
case("tensor", "bitwise_right_shift", [ints2, torch.ones(3, 4, dtype=torch.int64)])
for n in "add sub mul div pow remainder fmod eq lt ge".split():
    case("tensor", n, [pos, ], (2.5,))
for n in "add_ sub_ mul_ div_ pow_ clamp_min_ clamp_max_ fill_".split():
    case("tensor", n, [pos], (1.5,))
for n in "abs_ exp_ tanh_ sigmoid_ relu_ neg_ floor_ zero_".split():
    case("tensor", n, [x])
for n, a in [("sum", (1,)), ("sum", (1, True)), ("all", (0,)), ("any", (1, True)), ("argmax", (1,)), ("argmin", (0, True)), ("logsumexp", (1,)), ("cumsum", (1,)), ("cumprod", (0,)), ("logcumsumexp", (1,)),
             ("max", (1,)), ("min", (0, True)), ("median", ()), ("mode", (1,)), ("cummax", (1,)), ("cummin", (0,)), ("softmax", (1,)), ("log_softmax", (0,)), ("std", (1,)), ("var", (0,)), ("prod", (1,)),
             ("amax", ([1],)), ("amin", ([0, 1],)), ("mean", ([1],)), ("mean", ([0], True)), ("nansum", ()), ("nanmean", ()), ("count_nonzero", ()), ("norm", ()), ("aminmax", ())]:
    case("tensor", n, [x], a, fn=(lambda t: tuple(torch.aminmax(t))) if n == "aminmax" else None)
case("tensor", "quantile", [x, torch.tensor([0.25, 0.5])], (1, True))
case("tensor", "kthvalue", [x], (2, 1))
case("tensor", "histc", [x], (4, -2, 2))
case("tensor", "bincount", [torch.tensor([1, 2, 2, 5]), torch.tensor([0.5, 1.0, 2.0, 3.0])])
for n, a in [("view", ([2, 6],)), ("reshape", ([-1],)), ("transpose", (0, 1)), ("permute", ([1, 0],)), ("unsqueeze", (1,)), ("squeeze", ()), ("expand", ([2, 3, 4],)), ("flatten", ()), ("flip", ([0, 1],)), ("narrow", (1, 1, 2)),
             ("select", (0, 1)), ("tile", ([2, 1],)), ("repeat", ([2, 2],)), ("roll", (1, 0)), ("tril", ()), ("triu", (1,)), ("diag", ()), ("diagonal", ()), ("unfold", (1, 2, 1)), ("chunk", (2, 1)), ("split", (2, 1)),
             ("unbind", ()), ("movedim", ([0], [1])), ("swapaxes", (0, 1)), ("rot90", (1, [0, 1])), ("broadcast_to", ([2, 3, 4],)), ("diag_embed", ()), ("as_strided", ([2, 2], [4, 1])), ("topk", (2,)), ("sort", ()), ("sort", (0, True)),
             ("argsort", ()), ("repeat_interleave", (2,)), ("tensor_split", (2, 1)), ("take", ())]:
    if n == "rot90":
        continue
    if n == "take":
        case("tensor", n, [x, torch.tensor([0, 5, 11])])
        continue
    case("tensor", n, [x], a)
idx = torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 2, 2]])
case("tensor", "gather", [x], (1, idx))
case("tensor", "scatter", [x], (1, idx, y))
case("tensor", "scatter_add", [x], (1, idx, y))
case("tensor", "index_select", [x], (1, torch.tensor([0, 3, 3])))
case("tensor", "index_fill", [x], (0, torch.tensor([1]), 7.0))
case("tensor", "index_add", [x], (0, torch.tensor([0, 0, 2]), y, 2.0), fn=lambda t, d, i, s, a: t.index_add(d, i, s, alpha=a))
case("tensor", "index_copy", [x], (0, torch.tensor([2, 1, 0]), y))
case("tensor", "masked_fill", [x], (x > 0, -1.0))
case("tensor", "masked_select", [x], (x > 0,))
case("tensor", "masked_scatter", [x], (x > 0, y))
case("tensor", "where", [x], (x > 0, y), fn=lambda t, c, o: torch.where(c, t, o))
case("tensor", "clamp", [x], (-0.5, 0.5))
case("tensor", "lerp", [x, y, unit])
case("tensor", "addcmul", [x, y, unit], (0.5,), fn=lambda a, b, c, v: a.addcmul(b, c, value=v))
case("tensor", "addcdiv", [x, y, pos], (0.5,), fn=lambda a, b, c, v: a.addcdiv(b, c, value=v))
case("tensor", "bucketize", [x, torch.tensor([-1.0, 0.0, 1.0])])
case("tensor", "isin", [ints, torch.tensor([1, 2, 3])], fn=torch.isin)
a, b = g(3, 4), g(4, 5)
case("tensor", "mm", [a, b]); case("tensor", "matmul", [a, b])
case("tensor", "addmm", [g(3, 5), a, b], (0.5, 2.0), fn=lambda i, p, q, be, al: i.addmm(p, q, beta=be, alpha=al))
case("tensor", "bmm", [g(2, 3, 4), g(2, 4, 2)])
case("tensor", "baddbmm", [g(2, 3, 2), g(2, 3, 4), g(2, 4, 2)])
case("tensor", "mv", [a, g(4)]); case("tensor", "dot", [g(4), g(4)]); case("tensor", "outer", [g(3), g(4)]); case("tensor", "kron", [g(2, 2), g(2, 2)])
case("tensor", "addr", [g(3, 4), g(3), g(4)]); case("tensor", "inner", [g(4), g(4)])
sq = g(4, 4)
spd = sq @ sq.t() + 4 * torch.eye(4)
for n in "det inverse matrix_exp logdet".split():
    case("tensor", n, [spd * 0.1 + torch.eye(4)])
case("tensor", "matrix_power", [sq], (3,))
case("tensor", "tensordot", [g(2, 3, 4), g(3, 4, 5)], (2,), fn=lambda p, q, d: torch.tensordot(p, q, d))
for n, ins, args in [("inv", [spd], ()), ("det", [spd], ()), ("cholesky", [spd], ()), ("solve", [spd, g(4, 2)], ()), ("svdvals", [sq], ()), ("eigvalsh", [spd], ()), ("slogdet", [spd], ()), ("matrix_norm", [sq], ()),
                     ("vector_norm", [x], ()), ("norm", [x], ()), ("pinv", [a], ()), ("lu_factor", [spd], ()), ("lu", [spd], ()), ("matrix_rank", [sq], ()), ("cond", [spd], ()), ("matrix_exp", [sq * 0.1], ()),
                     ("vecdot", [x, y], ()), ("multi_dot", [], ([a, b],)), ("solve_triangular", [torch.triu(spd), g(4, 2)], (True,))]:
    case("linalg", n, ins, args, fn=(lambda *z: torch.linalg.solve_triangular(*z[:-1], upper=z[-1])) if n == "solve_triangular" else (lambda *z: tuple(torch.linalg.slogdet(*z))) if n == "slogdet" else getattr(torch.linalg, n))
for n in "rfft ifft fft_ irfft fft2 ifft2 rfft2 fftn ifftn rfftn fftshift ifftshift".split():
    case("fft", n, [x], fn=getattr(torch.fft, n.rstrip("_")))
for n in "entr erfcx expit gammaln i0e i1 i1e ndtr psi sinc".split():
    case("special", n, [pos], fn=getattr(torch.special, n))
case("special", "ndtri", [pos.clamp(max=0.9)], fn=torch.special.ndtri)
F = torch.nn.functional
img = g(2, 3, 6, 6)
for n, ins, args in [
    ("linear", [g(2, 4), g(3, 4), g(3)], ()), ("relu", [x], ()), ("gelu", [x], ()), ("silu", [x], ()), ("mish", [x], ()), ("elu", [x], (1.0,)), ("leaky_relu", [x], (0.1,)), ("hardtanh", [x], (-0.5, 0.5)),
    ("softplus", [x], ()), ("softsign", [x], ()), ("tanhshrink", [x], ()), ("hardshrink", [x], ()), ("softshrink", [x], ()), ("softmin", [x], (1,)), ("glu", [x], ()), ("logsigmoid", [x], ()), ("relu6", [x * 5], ()), ("threshold", [x], (0.1, 2.0)),
    ("layer_norm", [x], ([4], g(4), g(4), 1e-5)), ("group_norm", [img[:, :2]], (2,)), ("normalize", [x], ()), ("one_hot", [torch.tensor([0, 2, 1])], (4,)), ("cosine_similarity", [x, y], ()), ("pairwise_distance", [x, y], ()),
    ("mse_loss", [x, y], ()), ("l1_loss", [x, y], ()), ("smooth_l1_loss", [x, y], ()), ("huber_loss", [x, y], ()), ("cross_entropy", [x, torch.tensor([0, 3, 1])], ()), ("nll_loss", [x.log_softmax(1), torch.tensor([0, 3, 1])], ()),
    ("binary_cross_entropy", [unit.abs(), (y > 0).float()], ()), ("binary_cross_entropy_with_logits", [x, (y > 0).float()], ()), ("soft_margin_loss", [x, y.sign()], ()), ("triplet_margin_loss", [x, y, unit], ()),
    ("conv1d", [g(2, 3, 8), g(4, 3, 3), g(4)], (2, 1)), ("conv2d", [img, g(4, 3, 3, 3), g(4)], ()), ("conv_transpose2d", [img, g(3, 4, 3, 3)], ()), ("conv_transpose1d", [g(2, 3, 8), g(3, 2, 3)], ()),
    ("max_pool1d", [g(2, 3, 8)], (2,)), ("max_pool2d", [img], (2,)), ("avg_pool1d", [g(2, 3, 8)], (2,)), ("avg_pool2d", [img], (2,)), ("adaptive_avg_pool2d", [img], ([2, 3],)), ("adaptive_avg_pool1d", [g(2, 3, 8)], (3,)), ("adaptive_max_pool2d", [img], ([2, 2],)),
    ("unfold", [img], (2,)), ("pixel_shuffle", [g(1, 4, 2, 2)], (2,)), ("pixel_unshuffle", [g(1, 1, 4, 4)], (2,)),
]:
    case("functional", n, ins, args, fn=getattr(F, n))
case("functional", "pad", [x], ([1, 2],), fn=lambda t, p: F.pad(t, p))
case("functional", "fold", [g(1, 12, 9)], (4, 2), fn=lambda t, o, k: F.fold(t, (o, o), (k, k)))
case("functional", "batch_norm", [img, torch.zeros(3), torch.ones(3), g(3), g(3)], (True,), fn=lambda t, m, v, w, b, tr: F.batch_norm(t, m, v, w, b, tr))
case("functional", "interpolate", [img], ([12, 12],), fn=lambda t, s: F.interpolate(t, s))
case("static", "cat", [], ([x, y], 1), fn=torch.cat); case("static", "stack", [], ([x, y], 1), fn=torch.stack); case("static", "hstack", [], ([x, y],), fn=torch.hstack); case("static", "vstack", [], ([x, y],), fn=torch.vstack)
case("static", "dstack", [], ([x, y],), fn=torch.dstack); case("static", "cdist", [x, y], fn=torch.cdist); case("static", "searchsorted", [torch.tensor([0.0, 1.0, 2.0]), pos], fn=torch.searchsorted)
case("static", "polar", [pos, x], fn=torch.polar); case("static", "complex", [x, y], fn=torch.complex)
print(json.dumps(cases, separators=(",", ":")))
