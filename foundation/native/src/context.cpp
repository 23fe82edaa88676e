// What belongs to the process or the thread: modes, threads, random generators, CUDA.
#include "peft.h"
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/GradMode.h>
#include <torch/cuda.h>
#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if PEFT_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#endif

// glibc gives large blocks back to the system at once, so that every tensor of a training step is paid for with page faults
// again and again. Whoever sets one of glibc's own variables has chosen for himself.
#if defined(__GLIBC__)
__attribute__((constructor)) static void keep_freed_memory() {
    if (std::getenv("MALLOC_MMAP_THRESHOLD_") || std::getenv("MALLOC_TRIM_THRESHOLD_")) return;
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
}
#endif

PEFT_API const char* peft_torch_version() { return TORCH_VERSION; }
PEFT_API int peft_native_version() { return 1; }

PEFT_API int peft_grad_enabled() noexcept { return c10::GradMode::is_enabled(); }
PEFT_API void peft_set_grad_enabled(int on) noexcept { c10::GradMode::set_enabled(on != 0); }
PEFT_API int peft_inference_enabled() noexcept { return c10::InferenceMode::is_enabled(); }
PEFT_API void* peft_inference_enter(int on) { return new c10::InferenceMode(on != 0); }
PEFT_API void peft_inference_leave(void* guard) { delete static_cast<c10::InferenceMode*>(guard); }

PEFT_API int peft_threads() { return at::get_num_threads(); }
PEFT_API int peft_interop_threads() { return at::get_num_interop_threads(); }
PEFT_API int peft_set_threads(int n) { return guarded([&] { at::set_num_threads(n); }); }
PEFT_API int peft_set_interop_threads(int n) { return guarded([&] { at::set_num_interop_threads(n); }); }

// ---- random numbers ----
PEFT_API int peft_generator_new(uint64_t seed, int device_type, int device_index, at::Generator** out) {
    return guarded([&] {
        c10::Device device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index));
        if (device.is_cpu()) { *out = new at::Generator(at::detail::createCPUGenerator(seed)); return; }
        at::Generator g = at::globalContext().defaultGenerator(device).clone();
        g.set_current_seed(seed);
        *out = new at::Generator(std::move(g));
    });
}
PEFT_API int peft_generator_default(int device_type, int device_index, at::Generator** out) {
    return guarded([&] {
        c10::Device device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index));
        *out = new at::Generator(at::globalContext().defaultGenerator(device));
    });
}
PEFT_API void peft_generator_free(at::Generator* g) { delete g; }
PEFT_API int peft_generator_set_seed(at::Generator* g, uint64_t seed) {
    return guarded([&] { std::lock_guard<std::mutex> lock(g->mutex()); g->set_current_seed(seed); });
}
PEFT_API int peft_generator_seed(at::Generator* g, uint64_t* seed) {
    return guarded([&] { std::lock_guard<std::mutex> lock(g->mutex()); *seed = g->seed(); });
}
PEFT_API int peft_generator_initial_seed(at::Generator* g, uint64_t* seed) { return guarded([&] { *seed = g->current_seed(); }); }
PEFT_API int peft_generator_state(at::Generator* g, at::Tensor** out) { return guarded([&] { *out = box(g->get_state()); }); }
PEFT_API int peft_generator_set_state(at::Generator* g, const at::Tensor* state) {
    return guarded([&] { std::lock_guard<std::mutex> lock(g->mutex()); g->set_state(the(state)); });
}
PEFT_API int peft_generator_device(at::Generator* g, int64_t* device) {
    return guarded([&] {
        auto d = g->device();
        *device = (static_cast<int64_t>(d.index()) << 32) | static_cast<uint32_t>(static_cast<int32_t>(d.type()));
    });
}
PEFT_API int peft_manual_seed(uint64_t seed) { return guarded([&] { at::manual_seed(seed); }); }

// ---- CUDA ----
PEFT_API int peft_cuda_available() noexcept { try { return torch::cuda::is_available(); } catch (...) { return 0; } }
PEFT_API int peft_cudnn_available() noexcept { try { return torch::cuda::cudnn_is_available(); } catch (...) { return 0; } }
PEFT_API int peft_cuda_device_count() noexcept { try { return static_cast<int>(torch::cuda::device_count()); } catch (...) { return 0; } }
PEFT_API int peft_cuda_manual_seed(uint64_t seed, int all) {
    return guarded([&] { if (all) torch::cuda::manual_seed_all(seed); else torch::cuda::manual_seed(seed); });
}
PEFT_API int peft_cuda_synchronize(int index) { return guarded([&] { torch::cuda::synchronize(index); }); }

// Switches of at::Context: 0 cuBLAS TF32, 1 cuDNN TF32, 2 cuBLAS fp16 reduction, 3 flash attention, 4 math attention,
// 5 memory-efficient attention, 6 cuDNN benchmark, 7 deterministic cuDNN. value -1 reads.
PEFT_API int peft_switch(int which, int value, int* now) {
    return guarded([&] {
        auto& c = at::globalContext();
        switch (which) {
            case 0: if (value >= 0) c.setAllowTF32CuBLAS(value); *now = c.allowTF32CuBLAS(); break;
            case 1: if (value >= 0) c.setAllowTF32CuDNN(value); *now = c.allowTF32CuDNN(); break;
            case 2:
#if PEFT_TORCH >= 209
                if (value >= 0) c.setAllowFP16ReductionCuBLAS(value != 0, true);
                *now = c.allowFP16ReductionCuBLAS() != at::CuBLASReductionOption::DisallowReducedPrecisionDisallowSplitK
                    && c.allowFP16ReductionCuBLAS() != at::CuBLASReductionOption::DisallowReducedPrecisionAllowSplitK;
#else
                if (value >= 0) c.setAllowFP16ReductionCuBLAS(value); *now = c.allowFP16ReductionCuBLAS();
#endif
                break;
#if PEFT_TORCH >= 200
            case 3: if (value >= 0) c.setSDPUseFlash(value); *now = c.userEnabledFlashSDP(); break;
            case 4: if (value >= 0) c.setSDPUseMath(value); *now = c.userEnabledMathSDP(); break;
            case 5: if (value >= 0) c.setSDPUseMemEfficient(value); *now = c.userEnabledMemEfficientSDP(); break;
#else
            case 3: case 5: TORCH_CHECK(value <= 0, "libtorch ", TORCH_VERSION, " has no fused attention"); *now = 0; break;
            case 4: *now = 1; break;
#endif
            case 6: if (value >= 0) c.setBenchmarkCuDNN(value); *now = c.benchmarkCuDNN(); break;
            case 7: if (value >= 0) c.setDeterministicCuDNN(value); *now = c.deterministicCuDNN(); break;
            default: TORCH_CHECK(false, "unknown switch ", which);
        }
    });
}

// figures: allocated now, allocated peak, reserved now, reserved peak, free on the device, total of the device (bytes)
PEFT_API int peft_cuda_memory(int index, int64_t* figures) {
    return guarded([&] {
#if PEFT_CUDA
        // The allocator has no devices before CUDA's first use.
#if PEFT_TORCH >= 206
        at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
#else
        at::globalContext().lazyInitCUDA();
#endif
        auto s = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
        figures[0] = s.allocated_bytes[0].current; figures[1] = s.allocated_bytes[0].peak;
        figures[2] = s.reserved_bytes[0].current; figures[3] = s.reserved_bytes[0].peak;
        c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
        size_t free = 0, total = 0;
        C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
        figures[4] = static_cast<int64_t>(free); figures[5] = static_cast<int64_t>(total);
#else
        TORCH_CHECK(false, "this build of the bridge has no CUDA memory figures (no CUDA headers were found when it was built)");
#endif
    });
}
PEFT_API int peft_cuda_reset_peak(int index) {
    return guarded([&] {
#if PEFT_CUDA
        c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(index));
#else
        TORCH_CHECK(false, "this build of the bridge has no CUDA memory figures (no CUDA headers were found when it was built)");
#endif
    });
}
PEFT_API int peft_cuda_empty_cache() {
    return guarded([&] {
#if PEFT_CUDA
        c10::cuda::CUDACachingAllocator::emptyCache();
#endif
    });
}
