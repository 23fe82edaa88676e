// Tensor handles: making and freeing them, reading what a tensor is, its memory.
#include "peft.h"
#include <ATen/TensorIndexing.h>
#include <cstring>
#include <vector>

PEFT_API void peft_free(at::Tensor* t) {
    // A tensor's last reference may run deleters of others: they must not throw through us.
    try { delete t; } catch (...) { }
}

PEFT_API int peft_alias(const at::Tensor* t, at::Tensor** out) {
    return guarded([&] { *out = new at::Tensor(the(t)); });
}

PEFT_API int peft_from_memory(const void* data, const int64_t* shape, int rank, int dtype, at::Tensor** out) {
    return guarded([&] {
        auto t = at::empty(c10::IntArrayRef(shape, rank), at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)));
        if (data && t.numel() > 0) std::memcpy(t.data_ptr(), data, t.nbytes());
        *out = box(std::move(t));
    });
}

// The tensor uses the caller's memory; release(context) is called when the last tensor on it is gone.
PEFT_API int peft_on_memory(void* data, const int64_t* shape, int rank, int dtype, void (*release)(void*), void* context, at::Tensor** out) {
    return guarded([&] {
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
        *out = box(at::from_blob(data, c10::IntArrayRef(shape, rank), [release, context](void*) { if (release) release(context); }, options));
    });
}

// The readers below are called without leaving managed code's GC mode: they must be short and must not throw.
PEFT_API int64_t peft_dim(const at::Tensor* t) noexcept {
    try { return t->dim(); } catch (...) { return -1; }
}
PEFT_API const int64_t* peft_sizes(const at::Tensor* t) noexcept {
    try { return t->sizes().data(); } catch (...) { return nullptr; }
}
PEFT_API const int64_t* peft_strides(const at::Tensor* t) noexcept {
    try { return t->strides().data(); } catch (...) { return nullptr; }
}
PEFT_API int64_t peft_numel(const at::Tensor* t) noexcept {
    try { return t->numel(); } catch (...) { return -1; }
}
PEFT_API int peft_dtype(const at::Tensor* t) noexcept {
    return t->defined() ? static_cast<int>(t->scalar_type()) : -1;
}
PEFT_API int64_t peft_element_size(const at::Tensor* t) noexcept { return t->defined() ? static_cast<int64_t>(t->element_size()) : 0; }
// type in the low 32 bits, index in the high ones
PEFT_API int64_t peft_device(const at::Tensor* t) noexcept {
    try {
        auto d = t->device();
        return (static_cast<int64_t>(d.index()) << 32) | static_cast<uint32_t>(static_cast<int32_t>(d.type()));
    } catch (...) { return -1; }
}
PEFT_API int peft_layout(const at::Tensor* t) noexcept {
    try { return static_cast<int>(t->layout()); } catch (...) { return -1; }
}
PEFT_API int peft_defined(const at::Tensor* t) noexcept { return t && t->defined(); }
PEFT_API int peft_requires_grad(const at::Tensor* t) noexcept {
    try { return t->requires_grad(); } catch (...) { return 0; }
}
PEFT_API int peft_is_leaf(const at::Tensor* t) noexcept {
    try { return t->is_leaf(); } catch (...) { return 0; }
}
PEFT_API int64_t peft_version(const at::Tensor* t) noexcept {
    try { return static_cast<int64_t>(t->_version()); } catch (...) { return -1; }
}
PEFT_API int peft_is_same(const at::Tensor* a, const at::Tensor* b) noexcept { return a->is_same(*b); }

PEFT_API int peft_is_contiguous(const at::Tensor* t, int* result) { return guarded([&] { *result = the(t).is_contiguous(); }); }
PEFT_API int peft_is_pinned(const at::Tensor* t, int* result) { return guarded([&] { *result = the(t).is_pinned(); }); }
PEFT_API int peft_data(const at::Tensor* t, void** data) { return guarded([&] { *data = the(t).data_ptr(); }); }
PEFT_API int peft_storage(const at::Tensor* t, void** data, int64_t* bytes, int64_t* offset) {
    return guarded([&] {
        auto& s = the(t).storage();
        *data = const_cast<void*>(static_cast<const void*>(s.data()));
        *bytes = static_cast<int64_t>(s.nbytes());
        *offset = the(t).storage_offset();
    });
}

PEFT_API int peft_set_requires_grad(at::Tensor* t, int on) { return guarded([&] { the(t).requires_grad_(on != 0); }); }

// One element into 16 bytes at `to`, in the tensor's own type.
PEFT_API int peft_item(const at::Tensor* t, void* to) {
    return guarded([&] {
        auto& x = the(t);
        TORCH_CHECK(x.numel() == 1, "a Tensor with ", x.numel(), " elements cannot be converted to Scalar");
        if (x.device().is_cpu() && x.layout() == at::kStrided && !x.is_neg() && !x.is_conj()) {
            std::memcpy(to, x.data_ptr(), x.element_size());
        } else {
            auto y = x.detach().to(at::kCPU).resolve_neg().resolve_conj().contiguous();
            std::memcpy(to, y.data_ptr(), y.element_size());
        }
    });
}

// Copies the elements, in row order, to memory; moves and makes contiguous where it must.
PEFT_API int peft_read(const at::Tensor* t, void* to, int64_t bytes) {
    return guarded([&] {
        auto y = the(t).detach().to(at::kCPU).resolve_neg().resolve_conj().contiguous();
        TORCH_CHECK(static_cast<int64_t>(y.nbytes()) == bytes, "the tensor has ", y.nbytes(), " bytes, the buffer ", bytes);
        if (bytes > 0) std::memcpy(to, y.data_ptr(), bytes);
    });
}
PEFT_API int peft_write(at::Tensor* t, const void* from, int64_t bytes) {
    return guarded([&] {
        auto& x = the(t);
        TORCH_CHECK(static_cast<int64_t>(x.nbytes()) == bytes, "the tensor has ", x.nbytes(), " bytes, the buffer ", bytes);
        if (bytes == 0) return;
        if (x.device().is_cpu() && x.is_contiguous()) { std::memcpy(x.data_ptr(), from, bytes); return; }
        auto y = at::from_blob(const_cast<void*>(from), x.sizes(), at::TensorOptions().dtype(x.scalar_type()));
        x.detach().copy_(y);
    });
}
// Exact equality of shape, type and bits' value.
PEFT_API int peft_equal(const at::Tensor* a, const at::Tensor* b, int* result) { return guarded([&] { *result = at::equal(the(a), the(b)); }); }

// ---- indexing, as t[...] in Python ----
// kind 0: None (new axis), 1: ellipsis, 2: integer start, 3: bool start, 4: slice start:stop:step, 5: tensor
struct IndexItem { int64_t kind; int64_t start; int64_t stop; int64_t step; at::Tensor* tensor; };
namespace {
constexpr int64_t absent = INT64_MIN;
std::vector<at::indexing::TensorIndex> indices(const IndexItem* items, int n) {
    using namespace at::indexing;
    std::vector<TensorIndex> all;
    all.reserve(n);
    for (int k = 0; k < n; k++) {
        auto& i = items[k];
        switch (i.kind) {
            case 0: all.emplace_back(at::indexing::None); break;
            case 1: all.emplace_back(Ellipsis); break;
            case 2: all.emplace_back(i.start); break;
            case 3: all.emplace_back(i.start != 0); break;
            case 4: {
#if PEFT_TORCH >= 200
                using Bound = Optional<c10::SymInt>;
#else
                using Bound = Optional<int64_t>;
#endif
                auto bound = [](int64_t v) { return v == absent ? Bound() : Bound(v); };
                all.emplace_back(Slice(bound(i.start), bound(i.stop), bound(i.step)));
                break;
            }
            case 5: all.emplace_back(the(i.tensor)); break;
            default: TORCH_CHECK(false, "unknown kind of index ", i.kind);
        }
    }
    return all;
}
}
PEFT_API int peft_index(const at::Tensor* t, const IndexItem* items, int n, at::Tensor** out) {
    return guarded([&] {
        // The two common forms need no list.
        if (n == 1 && items[0].kind == 4 && items[0].step == absent) {
            *out = box(at::slice(the(t), 0, items[0].start == absent ? Optional<int64_t>() : Optional<int64_t>(items[0].start),
                items[0].stop == absent ? Optional<int64_t>() : Optional<int64_t>(items[0].stop), 1));
        } else if (n == 1 && items[0].kind == 2) {
            *out = box(at::select(the(t), 0, items[0].start));
        } else {
            *out = box(the(t).index(indices(items, n)));
        }
    });
}
PEFT_API int peft_index_put(at::Tensor* t, const IndexItem* items, int n, const at::Tensor* value, int accumulate) {
    return guarded([&] {
        the(t);
        if (!accumulate) { t->index_put_(indices(items, n), the(value)); return; }
        c10::List<Optional<at::Tensor>> list;
        for (int k = 0; k < n; k++) {
            TORCH_CHECK(items[k].kind == 5, "index_put_ with accumulate takes tensors as indices");
            list.push_back(Optional<at::Tensor>(*items[k].tensor));
        }
        t->index_put_(list, the(value), true);
    });
}
