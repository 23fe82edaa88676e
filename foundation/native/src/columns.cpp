// A linear layer of whose weight some columns are trained: the node keeps the inputs of these columns, not x.
#include "peft.h"
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>

namespace {
using torch::autograd::Node;
using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

// Edges: x (..., in), the trained numbers P (out, r), the bias (out).
struct ColumnNode : Node {
    SavedVariable kept;   // x[..., I] (tokens, r)
    SavedVariable weight; // (out, in), which has s*P in its columns I; no copy
    double scale = 1;

    std::string name() const override { return "WrittenColumns"; }
    void release_variables() override { kept.reset_data(); weight.reset_data(); }

    variable_list apply(variable_list&& grads) override {
        variable_list result(3);
        if (!grads[0].defined()) return result;
        const auto& g = grads[0];
        auto flat = g.reshape({-1, g.size(-1)}); // (tokens, out)
        if (should_compute_output(0)) result[0] = at::matmul(g, weight.unpack());
        if (should_compute_output(1)) result[1] = at::addmm(at::empty({1}, flat.options()), flat.t(), kept.unpack(), 0, scale);
        if (should_compute_output(2)) result[2] = flat.sum(0);
        return result;
    }
};
}

// x * W^T + bias, where W has scale * columns at indices; the gradient of columns is scale * G^T * x[..., indices]. bias may be null.
PEFT_API int peft_column_linear(const at::Tensor* x, const at::Tensor* columns, const at::Tensor* weight, const at::Tensor* indices, double scale,
                                const at::Tensor* bias, at::Tensor** out) {
    return guarded([&] {
        at::Tensor b = bias ? *bias : at::Tensor();
        bool recorded = c10::GradMode::is_enabled()
            && (the(x).requires_grad() || the(columns).requires_grad() || (bias && bias->requires_grad()));
        at::Tensor y, kept;
        {
            at::NoGradGuard off;
            if (bias) y = at::linear(*x, the(weight), b); else y = at::linear(*x, the(weight));
            if (recorded) kept = x->reshape({-1, weight->size(1)}).index_select(1, the(indices));
        }
        if (recorded) {
            std::shared_ptr<ColumnNode> node(new ColumnNode(), torch::autograd::deleteNode);
            node->set_next_edges(torch::autograd::collect_next_edges(*x, *columns, b));
            node->kept = SavedVariable(kept, false);
            node->weight = SavedVariable(*weight, false);
            node->scale = scale;
            torch::autograd::impl::set_gradient_edge(y, {node, node->add_input_metadata(y)});
        }
        *out = box(std::move(y));
    });
}
