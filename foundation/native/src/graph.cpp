// CUDA graphs: a captured step is replayed with one launch. Capture happens on a stream of its own, in thread-local mode, so
// that other threads may go on using the device.
#include "peft.h"
#if PEFT_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

struct CapturedGraph {
    at::cuda::CUDAGraph graph;
    c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
    std::unique_ptr<c10::cuda::CUDAStreamGuard> capturing;
};
#else
struct CapturedGraph {};
#endif

namespace {
[[maybe_unused]] const char* no_cuda = "this build of the bridge has no CUDA graphs (no CUDA headers were found when it was built)";
}

PEFT_API int peft_graph_new(CapturedGraph** out) {
    return guarded([&] {
#if PEFT_CUDA
        *out = new CapturedGraph();
#else
        TORCH_CHECK(false, no_cuda);
#endif
    });
}

// What runs between enter and leave goes to the graph's own stream: the warm-up, before capture.
PEFT_API int peft_graph_enter(CapturedGraph* g) {
    return guarded([&] {
#if PEFT_CUDA
        C10_CUDA_CHECK(cudaDeviceSynchronize());
        g->capturing = std::make_unique<c10::cuda::CUDAStreamGuard>(g->stream);
#else
        TORCH_CHECK(false, no_cuda);
#endif
    });
}
PEFT_API int peft_graph_begin(CapturedGraph* g) {
    return guarded([&] {
#if PEFT_CUDA
        TORCH_CHECK(g->capturing != nullptr, "a capture begins between enter and leave");
        C10_CUDA_CHECK(cudaDeviceSynchronize());
#if PEFT_TORCH >= 201
        g->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
#else
        g->graph.capture_begin();
#endif
#else
        TORCH_CHECK(false, no_cuda);
#endif
    });
}
PEFT_API int peft_graph_end(CapturedGraph* g) {
    return guarded([&] {
#if PEFT_CUDA
        g->graph.capture_end();
#else
        TORCH_CHECK(false, no_cuda);
#endif
    });
}
PEFT_API int peft_graph_leave(CapturedGraph* g) {
    return guarded([&] {
#if PEFT_CUDA
        C10_CUDA_CHECK(cudaDeviceSynchronize());
        g->capturing.reset();
#else
        TORCH_CHECK(false, no_cuda);
#endif
    });
}
PEFT_API int peft_graph_replay(CapturedGraph* g) {
    return guarded([&] {
#if PEFT_CUDA
        g->graph.replay();
#else
        TORCH_CHECK(false, no_cuda);
#endif
    });
}
PEFT_API void peft_graph_free(CapturedGraph* g) {
#if PEFT_CUDA
    try { delete g; } catch (...) { }
#endif
}
