// Operators that are called so often that the boxed call's cost shows: straight C++ calls.
#include "peft.h"
#include <cmath>

PEFT_API int peft_add(const at::Tensor* a, const at::Tensor* b, double alpha, at::Tensor** out) {
    return guarded([&] { *out = box(alpha == 1 ? at::add(the(a), the(b)) : at::add(the(a), the(b), alpha)); });
}
PEFT_API int peft_sub(const at::Tensor* a, const at::Tensor* b, at::Tensor** out) {
    return guarded([&] { *out = box(at::sub(the(a), the(b))); });
}
PEFT_API int peft_mul(const at::Tensor* a, const at::Tensor* b, at::Tensor** out) {
    return guarded([&] { *out = box(at::mul(the(a), the(b))); });
}
PEFT_API int peft_div(const at::Tensor* a, const at::Tensor* b, at::Tensor** out) {
    return guarded([&] { *out = box(at::div(the(a), the(b))); });
}
PEFT_API int peft_add_(at::Tensor* a, const at::Tensor* b) {
    return guarded([&] { the(a).add_(the(b)); });
}
PEFT_API int peft_mul_scalar(const at::Tensor* a, double s, at::Tensor** out) {
    return guarded([&] { *out = box(at::mul(the(a), at::Scalar(s))); });
}
PEFT_API int peft_matmul(const at::Tensor* a, const at::Tensor* b, at::Tensor** out) {
    return guarded([&] { *out = box(at::matmul(the(a), the(b))); });
}
PEFT_API int peft_linear(const at::Tensor* x, const at::Tensor* w, const at::Tensor* bias, at::Tensor** out) {
    return guarded([&] {
        if (bias) *out = box(at::linear(the(x), the(w), *bias));
        else *out = box(at::linear(the(x), the(w)));
    });
}
PEFT_API int peft_slice(const at::Tensor* a, int64_t dim, int64_t start, int64_t stop, int64_t step, at::Tensor** out) {
    return guarded([&] { *out = box(at::slice(the(a), dim, start, stop, step)); });
}
PEFT_API int peft_select(const at::Tensor* a, int64_t dim, int64_t index, at::Tensor** out) {
    return guarded([&] { *out = box(at::select(the(a), dim, index)); });
}
PEFT_API int peft_reshape(const at::Tensor* a, const int64_t* shape, int rank, at::Tensor** out) {
    return guarded([&] { *out = box(at::reshape(the(a), c10::IntArrayRef(shape, rank))); });
}
PEFT_API int peft_transpose(const at::Tensor* a, int64_t dim0, int64_t dim1, at::Tensor** out) {
    return guarded([&] { *out = box(at::transpose(the(a), dim0, dim1)); });
}
// how: 0 empty, 1 zeros, 2 ones
PEFT_API int peft_factory(int how, const int64_t* shape, int rank, int dtype, int device_type, int device_index, int requires_grad, at::Tensor** out) {
    return guarded([&] {
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype))
            .device(c10::Device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index)));
        c10::IntArrayRef size(shape, rank);
        auto t = how == 0 ? at::empty(size, options) : how == 1 ? at::zeros(size, options) : at::ones(size, options);
        if (requires_grad) t.requires_grad_(true);
        *out = box(std::move(t));
    });
}

// One step of Adam (decoupled 0) or AdamW (1) on a parameter, along its gradient, without recording it.
// largest: the running maximum of amsgrad, or null.
PEFT_API int peft_adam(const at::Tensor* p, const at::Tensor* average, const at::Tensor* square, const at::Tensor* largest, int64_t step,
                       double lr, double beta1, double beta2, double eps, double decay, int maximize, int decoupled) {
    return guarded([&] {
        at::NoGradGuard off;
        auto& parameter = the(p);
        auto g = parameter.grad();
        TORCH_CHECK(g.defined(), "the parameter has no gradient");
        TORCH_CHECK(!g.is_sparse(), "Adam does not take sparse gradients");
        if (maximize) g = g.neg();
        if (decay != 0) {
            if (decoupled) parameter.mul_(1 - lr * decay);
            else g = g.add(parameter, decay);
        }
        double bias1 = 1 - std::pow(beta1, step), bias2 = 1 - std::pow(beta2, step);
        the(average).mul_(beta1).add_(g, 1 - beta1);
        the(square).mul_(beta2).addcmul_(g, g, 1 - beta2);
        auto second = the(square);
        if (largest) {
            at::maximum_out(const_cast<at::Tensor&>(the(largest)), the(largest), second);
            second = *largest;
        }
        auto below = second.sqrt().div_(std::sqrt(bias2)).add_(eps);
        parameter.addcdiv_(the(average), below, -lr / bias1);
    });
}
