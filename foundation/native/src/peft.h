// What the parts of the bridge share: the argument record, the exception wall, version differences of libtorch.
#pragma once
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/version.h>
#include <cstdint>
#include <exception>
#include <string>

#define PEFT_TORCH (TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR)
#define PEFT_API extern "C" __attribute__((visibility("default")))

#if PEFT_TORCH >= 204
#include <optional>
template <class T> using Optional = std::optional<T>;
constexpr auto nothing = std::nullopt;
#else
template <class T> using Optional = c10::optional<T>;
constexpr auto nothing = c10::nullopt;
#endif

// Kinds of arguments and results; the numbers are part of the interface.
enum Kind : int64_t {
    Default = 0,             // the schema's default value
    None = 1,
    TensorKind = 2,          // p: at::Tensor*
    Int = 3,                 // i; also dtype, layout and memory format
    Double = 4,              // d
    Bool = 5,                // i
    IntList = 6,             // p: int64_t[count]
    DoubleList = 7,          // p: double[count]
    BoolList = 8,            // p: uint8_t[count]
    TensorList = 9,          // p: at::Tensor*[count]; as a result: to be freed with peft_free_list
    OptionalTensorList = 10, // p: at::Tensor*[count], null for none
    Complex = 11,            // p: double[2]
    DeviceKind = 12,         // i: type in the low 32 bits, index (-1: none) in the high ones
    GeneratorKind = 13,      // p: at::Generator*
    String = 14,             // p: UTF-8 [count]; as a result: to be freed with peft_free_memory
};

struct Arg {
    int64_t kind;
    int64_t count;
    union { int64_t i; double d; void* p; };
};

// An error of a managed callback on its way through libtorch: the number names the exception on the managed side.
struct ManagedError : std::exception {
    int64_t id;
    explicit ManagedError(int64_t id) : id(id) {}
    const char* what() const noexcept override { return "error in a managed callback"; }
};

// Results of every export that can fail: 0, or one of these with the message in peft_error().
enum Status : int { Ok = 0, Failed = 1, FailedInManagedCode = 2, OutOfMemory = 3 };

void set_error(const char* message) noexcept;
void set_managed_error(int64_t id) noexcept;

// The exception wall.
template <class F> int guarded(F&& body) noexcept {
    try { body(); return Ok; }
    catch (const ManagedError& e) { set_managed_error(e.id); return FailedInManagedCode; }
    catch (const c10::Error& e) { set_error(e.what_without_backtrace()); return Failed; }
    catch (const std::bad_alloc&) { set_error("out of memory"); return OutOfMemory; }
    catch (const std::exception& e) { set_error(e.what()); return Failed; }
    catch (...) { set_error("unknown native error"); return Failed; }
}

inline at::Tensor* box(at::Tensor&& t) { return new at::Tensor(std::move(t)); }

inline const at::Tensor& the(const at::Tensor* t) {
    TORCH_CHECK(t != nullptr, "null tensor handle");
    return *t;
}
