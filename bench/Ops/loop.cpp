// The floor: the same operators in a C++ loop.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ctime>
#include <cstdio>
#include <cstdlib>

static double cpu() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

template <class F> void row(const char* name, int rounds, int calls, F body) {
    for (int k = 0; k < 3000; k++) body();
    double best = 1e30;
    for (int r = 0; r < rounds; r++) {
        double start = cpu();
        for (int k = 0; k < calls; k++) body();
        best = std::min(best, (cpu() - start) / calls);
    }
    std::printf("%s %.0f 0\n", name, best);
}

int main(int argc, char** argv) {
    int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
    at::set_num_threads(1);
    auto a = at::rand({4}), b = at::rand({4}), x = at::rand({8, 8}), w = at::rand({8, 8}), bias = at::rand({8}), wide = at::rand({16});
    row("add", rounds, 100000, [&] { auto c = at::add(a, b); });
    row("add_", rounds, 100000, [&] { a.add_(b); });
    row("mul_number", rounds, 100000, [&] { auto c = at::mul(a, 1.0); });
    row("slice", rounds, 100000, [&] { auto c = at::slice(wide, 0, 1, 3, 1); });
    row("zeros", rounds, 100000, [&] { auto c = at::zeros({4}); });
    row("matmul_8", rounds, 100000, [&] { auto c = at::matmul(x, w); });
    {
        at::NoGradGuard off;
        row("linear_8", rounds, 50000, [&] { auto c = at::linear(x, w, bias); });
    }
}
