// Every ATen operator, with autograd, through one call: libtorch's boxed dispatcher.
#include "peft.h"
#include <cstring>
#include <vector>

namespace {
thread_local std::string last_error;
thread_local int64_t last_managed_error = 0;

// What an argument has to be turned into when the caller gave a near relative.
enum class Wants : uint8_t { AsGiven, Float, IntList, FloatList };

struct Operator {
    c10::OperatorHandle handle;
    std::vector<c10::IValue> defaults;
    std::vector<bool> has_default;
    std::vector<Wants> wants;
};

Wants wanted(const c10::Argument& a) {
    auto type = a.type();
    if (auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
    if (type->kind() == c10::TypeKind::FloatType) return Wants::Float;
    if (auto list = type->cast<c10::ListType>()) {
        auto kind = list->getElementType()->kind();
        if (kind == c10::TypeKind::IntType) return Wants::IntList;
        if (kind == c10::TypeKind::FloatType) return Wants::FloatList;
#if PEFT_TORCH >= 113
        if (kind == c10::TypeKind::SymIntType) return Wants::IntList;
#endif
    }
    return Wants::AsGiven;
}

void push(torch::jit::Stack& stack, const Operator& op, size_t k, const Arg& a) {
    switch (a.kind) {
        case Default:
            TORCH_CHECK(op.has_default[k], op.handle.operator_name(), " needs the argument '", op.handle.schema().arguments()[k].name(), "'");
            stack.emplace_back(op.defaults[k]);
            break;
        case None: stack.emplace_back(); break;
        case TensorKind: stack.emplace_back(the(static_cast<at::Tensor*>(a.p))); break;
        case Int:
            if (op.wants[k] == Wants::Float) stack.emplace_back(static_cast<double>(a.i));
            else if (op.wants[k] == Wants::IntList) stack.emplace_back(c10::IntArrayRef(&a.i, 1));
            else if (op.wants[k] == Wants::FloatList) stack.emplace_back(c10::List<double>({static_cast<double>(a.i)}));
            else stack.emplace_back(a.i);
            break;
        case Double:
            if (op.wants[k] == Wants::FloatList) stack.emplace_back(c10::List<double>({a.d}));
            else stack.emplace_back(a.d);
            break;
        case Bool: stack.emplace_back(a.i != 0); break;
        case IntList: stack.emplace_back(c10::IntArrayRef(static_cast<int64_t*>(a.p), a.count)); break;
        case DoubleList: stack.emplace_back(c10::ArrayRef<double>(static_cast<double*>(a.p), a.count)); break;
        case BoolList: {
            c10::List<bool> list;
            for (int64_t j = 0; j < a.count; j++) list.push_back(static_cast<uint8_t*>(a.p)[j] != 0);
            stack.emplace_back(std::move(list));
            break;
        }
        case TensorList: {
            c10::List<at::Tensor> list;
            list.reserve(a.count);
            for (int64_t j = 0; j < a.count; j++) list.push_back(the(static_cast<at::Tensor**>(a.p)[j]));
            stack.emplace_back(std::move(list));
            break;
        }
        case OptionalTensorList: {
            c10::List<Optional<at::Tensor>> list;
            list.reserve(a.count);
            for (int64_t j = 0; j < a.count; j++) {
                auto* t = static_cast<at::Tensor**>(a.p)[j];
                if (t) list.push_back(Optional<at::Tensor>(*t)); else list.push_back(Optional<at::Tensor>());
            }
            stack.emplace_back(std::move(list));
            break;
        }
        case Complex: {
            auto* parts = static_cast<double*>(a.p);
            stack.emplace_back(c10::complex<double>(parts[0], parts[1]));
            break;
        }
        case DeviceKind:
            stack.emplace_back(c10::Device(static_cast<c10::DeviceType>(static_cast<int32_t>(a.i)), static_cast<c10::DeviceIndex>(a.i >> 32)));
            break;
        case GeneratorKind: stack.emplace_back(*static_cast<at::Generator*>(a.p)); break;
        case String: stack.emplace_back(std::string(static_cast<char*>(a.p), a.count)); break;
        default: TORCH_CHECK(false, "unknown argument kind ", a.kind);
    }
}

void take(c10::IValue& v, Arg& r, const Operator& op) {
    if (v.isTensor()) { r.kind = TensorKind; r.p = box(std::move(v).toTensor()); }
    else if (v.isInt()) { r.kind = Int; r.i = v.toInt(); }
    else if (v.isDouble()) { r.kind = Double; r.d = v.toDouble(); }
    else if (v.isBool()) { r.kind = Bool; r.i = v.toBool(); }
    else if (v.isNone()) { r.kind = None; r.p = nullptr; }
    else if (v.isTensorList()) {
        auto list = v.toTensorVector();
        auto** all = new at::Tensor*[list.size()];
        for (size_t j = 0; j < list.size(); j++) all[j] = box(std::move(list[j]));
        r.kind = TensorList; r.count = static_cast<int64_t>(list.size()); r.p = all;
    }
    else if (v.isComplexDouble()) {
        auto z = v.toComplexDouble();
        r.kind = Complex; r.count = 2; r.p = new double[2]{z.real(), z.imag()};
    }
    else if (v.isIntList()) {
        auto list = v.toIntVector();
        auto* all = new int64_t[list.size()];
        std::copy(list.begin(), list.end(), all);
        r.kind = IntList; r.count = static_cast<int64_t>(list.size()); r.p = all;
    }
    else TORCH_CHECK(false, op.handle.operator_name(), " gives a result of type ", v.tagKind(), ", which the bridge does not carry");
}

thread_local torch::jit::Stack spare;
}

void set_error(const char* message) noexcept {
    try { last_error = message; } catch (...) { last_error.clear(); }
}
void set_managed_error(int64_t id) noexcept { last_managed_error = id; }

PEFT_API const char* peft_error() { return last_error.c_str(); }
PEFT_API int64_t peft_managed_error() { return last_managed_error; }

PEFT_API int peft_find_op(const char* name, const char* overload, void** op) {
    return guarded([&] {
        *op = nullptr;
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        TORCH_CHECK(handle.has_value(), "libtorch ", TORCH_VERSION, " has no operator ", name, *overload ? "." : "", overload);
        auto* o = new Operator{*handle, {}, {}, {}};
        for (auto& a : handle->schema().arguments()) {
            o->has_default.push_back(a.default_value().has_value());
            o->defaults.push_back(a.default_value().has_value() ? *a.default_value() : c10::IValue());
            o->wants.push_back(wanted(a));
        }
        *op = o;
    });
}

PEFT_API int peft_call(const void* operator_, const Arg* args, int n, Arg* results, int max_results, int* n_results) {
    return guarded([&] {
        auto& op = *static_cast<const Operator*>(operator_);
        size_t all = op.wants.size();
        TORCH_CHECK(static_cast<size_t>(n) <= all, op.handle.operator_name(), " takes ", all, " arguments, not ", n);
        // The vector is kept between calls; a call inside a call finds it gone and makes its own.
        torch::jit::Stack stack = std::move(spare);
        stack.clear();
        stack.reserve(all);
        static const Arg missing{Default, 0, {0}};
        for (size_t k = 0; k < all; k++) push(stack, op, k, k < static_cast<size_t>(n) ? args[k] : missing);
        op.handle.callBoxed(stack);
        int count = static_cast<int>(stack.size());
        if (n_results) *n_results = count;
        // max_results 0: the caller wants the effect only (in-place operators).
        if (max_results > 0) {
            TORCH_CHECK(count <= max_results, op.handle.operator_name(), " gives ", count, " results, the caller has room for ", max_results);
            for (int k = 0; k < count; k++) take(stack[k], results[k], op);
        }
        stack.clear();
        spare = std::move(stack);
    });
}

PEFT_API void peft_free_list(at::Tensor** list) { delete[] list; }
PEFT_API void peft_free_memory(void* p) { delete[] static_cast<int64_t*>(p); }
