// Process groups of c10d without Python: stores, Gloo (CPU) and NCCL (CUDA) groups, and the collectives that data-parallel
// training of adapters needs. A group lives in one process of several; every rank must issue the same calls in the same order.
#include "peft.h"
#include <chrono>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#if __has_include(<gloo/rendezvous/context.h>)
#define USE_C10D_GLOO 1
#include <torch/csrc/distributed/c10d/GlooDeviceFactory.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#define PEFT_GLOO 1
#endif
#if PEFT_CUDA && __has_include(<nccl.h>)
#define USE_C10D_NCCL 1
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#define PEFT_NCCL 1
#endif

namespace {
using Store = c10::intrusive_ptr<c10d::Store>;
#if PEFT_TORCH >= 200
using Group = c10::intrusive_ptr<c10d::Backend>;
#else
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;
#endif
using std::chrono::milliseconds;

Store& the(Store* store) { TORCH_CHECK(store != nullptr, "null store handle"); return *store; }
Group& the(Group* group) { TORCH_CHECK(group != nullptr, "null process group handle"); return *group; }

c10d::ReduceOp reduction(int op) {
    switch (op) {
        case 0: return c10d::ReduceOp::SUM;
        case 1: return c10d::ReduceOp::MIN;
        case 2: return c10d::ReduceOp::MAX;
        default: TORCH_CHECK(false, "unknown reduction ", op, "; 0 is sum, 1 minimum, 2 maximum");
    }
}
}

// 1: Gloo, 2: NCCL; a sum of those that this build has.
PEFT_API int peft_group_backends() noexcept {
    int have = 0;
#if PEFT_GLOO
    have |= 1;
#endif
#if PEFT_NCCL
    have |= 2;
#endif
    return have;
}

// The file must be new for every run; the last rank to leave removes it.
PEFT_API int peft_store_file(const char* path, int world_size, Store** out) {
    return guarded([&] { *out = new Store(c10::make_intrusive<c10d::FileStore>(path, world_size)); });
}

// Rank 0 is the server and must outlive the others. port 0 on the server: any; *bound is the one taken.
PEFT_API int peft_store_tcp(const char* host, int port, int is_server, int world_size, int64_t timeout_ms, Store** out, int* bound) {
    return guarded([&] {
        c10d::TCPStoreOptions options;
        options.port = static_cast<uint16_t>(port);
        options.isServer = is_server != 0;
        options.numWorkers = static_cast<size_t>(world_size);
        options.waitWorkers = false;
        options.timeout = milliseconds(timeout_ms);
        auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
        *bound = store->getPort();
        *out = new Store(std::move(store));
    });
}
PEFT_API void peft_store_free(Store* store) { delete store; }

// backend 1 is Gloo over the loopback or the given interface's host name, 2 is NCCL on the current CUDA device.
PEFT_API int peft_group_new(Store* store, int backend, int rank, int world_size, const char* host, int64_t timeout_ms, Group** out) {
    return guarded([&] {
        Store prefixed = c10::make_intrusive<c10d::PrefixStore>("peft", the(store));
        if (backend == 1) {
#if PEFT_GLOO
            auto options = c10d::ProcessGroupGloo::Options::create();
            options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname(host)};
            options->timeout = milliseconds(timeout_ms);
            *out = new Group(c10::make_intrusive<c10d::ProcessGroupGloo>(prefixed, rank, world_size, options));
            return;
#endif
        }
        if (backend == 2) {
#if PEFT_NCCL
            auto options = c10d::ProcessGroupNCCL::Options::create();
            options->timeout = milliseconds(timeout_ms);
            *out = new Group(c10::make_intrusive<c10d::ProcessGroupNCCL>(prefixed, rank, world_size, options));
            return;
#endif
        }
        TORCH_CHECK(false, "this build of the bridge has no backend ", backend, " (1: Gloo, 2: NCCL); its headers were not found when it was built");
    });
}
PEFT_API void peft_group_free(Group* group) { delete group; }

PEFT_API int peft_group_all_reduce(Group* group, const at::Tensor* tensor, int op) {
    return guarded([&] {
        std::vector<at::Tensor> tensors{the(tensor)};
        // Gloo of libtorch 1.13 ends the process from its own thread on types it does not know.
        TORCH_CHECK(tensors[0].is_cuda() || (tensors[0].scalar_type() != at::kBFloat16 && tensors[0].scalar_type() != at::kBool),
                    "Gloo cannot reduce ", tensors[0].scalar_type(), "; reduce in Float");
        c10d::AllreduceOptions options;
        options.reduceOp = reduction(op);
        the(group)->allreduce(tensors, options)->wait();
    });
}
PEFT_API int peft_group_broadcast(Group* group, const at::Tensor* tensor, int root) {
    return guarded([&] {
        std::vector<at::Tensor> tensors{the(tensor)};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        the(group)->broadcast(tensors, options)->wait();
    });
}
PEFT_API int peft_group_barrier(Group* group) {
    return guarded([&] { the(group)->barrier(c10d::BarrierOptions())->wait(); });
}
