// Backward passes and autograd nodes whose backward is managed code.
#include "peft.h"
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>
#include <vector>

namespace {
using torch::autograd::Node;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct Callbacks {
    // Fills grads[0..n_grads) with new handles or null; gives 0, or the number of a managed exception.
    int64_t (*backward)(int64_t id, at::Tensor** grad_outputs, int n_outputs, at::Tensor** grads, int n_grads);
    void (*free)(int64_t id);
};
Callbacks callbacks{};

struct ManagedNode : Node {
    int64_t id = 0;
    bool materialize = true;
    std::string title;
    std::vector<torch::autograd::SavedVariable> saved;
    // The inputs of apply, by position: does the one at k take a gradient?
    std::vector<bool> differentiable;

    ~ManagedNode() override { if (callbacks.free) callbacks.free(id); }
    std::string name() const override { return title; }
    void release_variables() override { saved.clear(); released = true; }
    bool released = false;

    variable_list apply(variable_list&& grads) override {
        std::vector<at::Tensor*> in(grads.size(), nullptr);
        for (size_t k = 0; k < grads.size(); k++) {
            if (!grads[k].defined() && materialize) grads[k] = input_metadata(k).zeros_like();
            if (grads[k].defined()) in[k] = new at::Tensor(grads[k]);
        }
        size_t n = differentiable.size();
        std::vector<at::Tensor*> out(n, nullptr);
        int64_t error = callbacks.backward(id, in.data(), static_cast<int>(in.size()), out.data(), static_cast<int>(n));
        variable_list result;
        result.reserve(num_outputs());
        for (size_t k = 0; k < n; k++) {
            if (out[k]) { if (differentiable[k]) result.push_back(std::move(*out[k])); delete out[k]; }
            else if (differentiable[k]) result.emplace_back();
        }
        if (error) throw ManagedError(error);
        return result;
    }
};

variable_list variables(at::Tensor* const* list, int n) {
    variable_list all;
    all.reserve(n);
    for (int k = 0; k < n; k++) all.push_back(list[k] ? *list[k] : Variable());
    return all;
}
}

PEFT_API int peft_backward(at::Tensor* const* tensors, int n, at::Tensor* const* grads, int n_grads, int retain, int create, at::Tensor* const* inputs, int n_inputs) {
    return guarded([&] {
        torch::autograd::backward(variables(tensors, n), variables(grads, n_grads),
            retain < 0 ? Optional<bool>(create != 0) : Optional<bool>(retain != 0), create != 0, variables(inputs, n_inputs));
    });
}

PEFT_API int peft_grad(at::Tensor* const* outputs, int n, at::Tensor* const* inputs, int n_inputs, at::Tensor* const* grads, int n_grads,
                       int retain, int create, int allow_unused, at::Tensor** out) {
    return guarded([&] {
        auto result = torch::autograd::grad(variables(outputs, n), variables(inputs, n_inputs), variables(grads, n_grads),
            retain < 0 ? Optional<bool>(create != 0) : Optional<bool>(retain != 0), create != 0, allow_unused != 0);
        for (size_t k = 0; k < result.size(); k++) out[k] = result[k].defined() ? box(std::move(result[k])) : nullptr;
    });
}

// The gradient of a leaf, or null.
PEFT_API int peft_get_grad(const at::Tensor* t, at::Tensor** out) {
    return guarded([&] {
        auto& g = the(t).grad();
        *out = g.defined() ? new at::Tensor(g) : nullptr;
    });
}
PEFT_API int peft_set_grad(at::Tensor* t, const at::Tensor* grad) {
    return guarded([&] {
        if (grad) {
            TORCH_CHECK(the(t).sizes() == grad->sizes(), "a gradient of shape ", grad->sizes(), " does not fit a tensor of shape ", t->sizes());
            TORCH_CHECK(t->device() == grad->device(), "a gradient on ", grad->device(), " does not fit a tensor on ", t->device());
        }
        the(t).mutable_grad() = grad ? *grad : at::Tensor();
    });
}
PEFT_API int peft_has_grad(const at::Tensor* t) noexcept { try { return t->grad().defined(); } catch (...) { return 0; } }
PEFT_API int peft_retain_grad(const at::Tensor* t) { return guarded([&] { the(t).retain_grad(); }); }

PEFT_API void peft_node_callbacks(int64_t (*backward)(int64_t, at::Tensor**, int, at::Tensor**, int), void (*free)(int64_t)) {
    callbacks.backward = backward;
    callbacks.free = free;
}

// A node for a call with these inputs (null: an argument that is no tensor). *out is null when no gradient is needed;
// then the id is not taken over.
PEFT_API int peft_node_new(int64_t id, const char* name, at::Tensor* const* inputs, int n, int materialize, std::shared_ptr<Node>** out) {
    return guarded([&] {
        *out = nullptr;
        bool needed = false;
        for (int k = 0; k < n; k++) needed = needed || (inputs[k] && inputs[k]->requires_grad());
        if (!needed || !c10::GradMode::is_enabled()) return;
        std::shared_ptr<ManagedNode> node(new ManagedNode(), torch::autograd::deleteNode);
        torch::autograd::edge_list edges;
        for (int k = 0; k < n; k++) {
            node->differentiable.push_back(inputs[k] != nullptr);
            if (inputs[k]) edges.push_back(inputs[k]->requires_grad() ? torch::autograd::impl::gradient_edge(*inputs[k]) : torch::autograd::Edge());
        }
        node->set_next_edges(std::move(edges));
        node->title = name;
        node->materialize = materialize != 0;
        node->id = id;
        *out = new std::shared_ptr<Node>(std::move(node));
    });
}

// Hangs the outputs under the node, in place of what history they have. kinds[k]: 0 plain, 1 not differentiable, 2 an input
// that was changed in place. An output that is an input unchanged gets a new handle in outputs[k] (an alias of it).
PEFT_API int peft_node_outputs(std::shared_ptr<Node>* node, at::Tensor* const* inputs, int n_inputs, at::Tensor** outputs, const uint8_t* kinds, int n) {
    return guarded([&] {
        for (int k = 0; k < n; k++) {
            auto* t = outputs[k];
            if (!t || !t->defined()) { (*node)->add_input_metadata(Node::undefined_input()); continue; }
            bool can = at::isFloatingType(t->scalar_type()) || at::isComplexType(t->scalar_type());
            if (kinds[k] == 1 || !can) {
                (*node)->add_input_metadata(*t);
                continue;
            }
            if (kinds[k] == 2) {
                TORCH_CHECK(!(t->is_leaf() && t->requires_grad()), "a leaf Variable that requires grad is being used in an in-place operation.");
                torch::autograd::impl::bump_version(*t);
                torch::autograd::impl::rebase_history(*t, {*node, (*node)->add_input_metadata(*t)});
                continue;
            }
            bool is_input = false;
            for (int j = 0; j < n_inputs; j++) is_input = is_input || (inputs[j] && inputs[j]->is_same(*t));
            if (is_input || t->requires_grad()) {
                c10::GradMode::set_enabled(false);
                try { outputs[k] = box(is_input ? t->view_as(*t) : t->detach()); }
                catch (...) { c10::GradMode::set_enabled(true); throw; }
                c10::GradMode::set_enabled(true);
                t = outputs[k];
                if (is_input) { auto plain = box(t->detach()); delete t; outputs[k] = t = plain; }
            }
            torch::autograd::impl::set_gradient_edge(*t, {*node, (*node)->add_input_metadata(*t)});
        }
    });
}

PEFT_API int peft_node_save(std::shared_ptr<Node>* node, at::Tensor* const* tensors, int n) {
    return guarded([&] {
        auto* managed = static_cast<ManagedNode*>(node->get());
        for (int k = 0; k < n; k++) {
            if (!tensors[k]) { managed->saved.emplace_back(); continue; }
            managed->saved.emplace_back(*tensors[k], tensors[k]->grad_fn().get() == managed);
        }
    });
}
PEFT_API int peft_node_release(std::shared_ptr<Node>* node) { return guarded([&] { delete node; }); }
// A plain pointer that stays good while the node lives.
PEFT_API Node* peft_node_pointer(std::shared_ptr<Node>* node) noexcept { return node->get(); }
PEFT_API int peft_node_saved_count(Node* node) noexcept { return static_cast<int>(static_cast<ManagedNode*>(node)->saved.size()); }
PEFT_API int peft_node_saved(Node* node, at::Tensor** out) {
    return guarded([&] {
        auto* managed = static_cast<ManagedNode*>(node);
        TORCH_CHECK(!managed->released, "Trying to backward through the graph a second time (or directly access saved tensors after they have "
            "already been freed). Specify retain_graph=True if you need to backward through the graph a second time.");
        auto self = node->shared_from_this();
        for (size_t k = 0; k < managed->saved.size(); k++) {
            auto v = managed->saved[k].unpack(self);
            out[k] = v.defined() ? box(std::move(v)) : nullptr;
        }
    });
}
