#!/usr/bin/env python3
"""Records what PyTorch's modules compute, for RecordedModuleTests: python3 record_modules.py > modules.json (made with Debian's python3-torch 1.13.1)."""
import json
import torch
from torch import nn

torch.manual_seed(77)
cases = []


def enc(t):
    return {"t": list(t.shape), "d": str(t.dtype).split(".")[1], "v": [float(x) for x in t.detach().reshape(-1)]}


def g(*shape):
    return torch.round(torch.randn(*shape) * 1000) / 1000


def case(name, module, *inputs, train=False):
    module.train(train)
    for p in module.parameters():
        p.data = torch.round(p.data * 1000) / 1000
    state = {k: enc(v) for k, v in module.state_dict().items() if v.dtype == torch.float32}
    saved = [enc(t) for t in inputs]
    leaves = [t.requires_grad_(True) if t.dtype == torch.float32 else t for t in inputs]
    if name.startswith("LSTM") and len(leaves) == 3:
        out = module(leaves[0], (leaves[1], leaves[2]))
    else:
        out = module(*leaves)
    flat = [out] if torch.is_tensor(out) else [x for part in out for x in ([part] if torch.is_tensor(part) else part)]
    sum((x * x).sum() for x in flat).backward()
    cases.append({"name": name, "state": state, "in": saved, "out": [enc(x) for x in flat],
                  "grads": [enc(t.grad) for t in leaves if t.dtype == torch.float32],
                  "weight_grads": {k: enc(p.grad) for k, p in module.named_parameters()},
                  "after": {k: enc(v) for k, v in module.named_buffers() if v.dtype == torch.float32}})


case("RNN", nn.RNN(3, 4), g(5, 2, 3))
case("RNN relu 2 layers both ways", nn.RNN(3, 4, 2, nonlinearity="relu", bidirectional=True, batch_first=True), g(2, 5, 3), g(4, 2, 4))
case("RNN without bias, one sequence", nn.RNN(3, 4, bias=False), g(5, 3))
case("GRU", nn.GRU(3, 4), g(5, 2, 3), g(1, 2, 4))
case("GRU 2 layers both ways", nn.GRU(3, 4, 2, bidirectional=True, batch_first=True), g(2, 5, 3))
case("LSTM", nn.LSTM(3, 4), g(5, 2, 3), g(1, 2, 4), g(1, 2, 4))
case("LSTM 2 layers both ways", nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True), g(2, 5, 3))
case("LSTM one sequence", nn.LSTM(3, 4), g(5, 3))
case("RNNCell", nn.RNNCell(3, 4), g(2, 3), g(2, 4))
case("RNNCell relu", nn.RNNCell(3, 4, nonlinearity="relu"), g(2, 3))
case("GRUCell", nn.GRUCell(3, 4), g(2, 3), g(2, 4))
case("GRUCell one example", nn.GRUCell(3, 4, bias=False), g(3))
case("LSTMCell", nn.LSTMCell(3, 4), g(2, 3), g(2, 4), g(2, 4))
case("ConstantPad1d", nn.ConstantPad1d((1, 2), 0.5), g(2, 3, 4))
case("ConstantPad2d", nn.ConstantPad2d(1, 0.5), g(1, 2, 3, 3))
case("ConstantPad3d", nn.ConstantPad3d((1, 0, 0, 1, 2, 0), 0.5), g(1, 1, 2, 2, 2))
case("ReflectionPad1d", nn.ReflectionPad1d((2, 1)), g(2, 3, 4))
case("ReflectionPad2d", nn.ReflectionPad2d(1), g(1, 2, 3, 3))
case("ReflectionPad3d", nn.ReflectionPad3d(1), g(1, 1, 2, 3, 2))
case("ReplicationPad1d", nn.ReplicationPad1d(2), g(2, 3, 4))
case("ReplicationPad2d", nn.ReplicationPad2d((1, 2, 0, 1)), g(1, 2, 3, 3))
case("ReplicationPad3d", nn.ReplicationPad3d(1), g(1, 1, 2, 2, 2))
case("ZeroPad2d", nn.ZeroPad2d((1, 2, 0, 1)), g(1, 2, 3, 3))
case("Unfold", nn.Unfold(2, padding=1), g(1, 2, 3, 4))
case("Fold", nn.Fold((4, 5), (2, 2)), g(1, 8, 12))
case("Unflatten", nn.Unflatten(1, (2, 3)), g(2, 6, 2))
case("Upsample nearest", nn.Upsample(scale_factor=2), g(1, 2, 3, 3))
case("Upsample bilinear", nn.Upsample(size=(5, 4), mode="bilinear", align_corners=True), g(1, 2, 3, 3))
case("CosineSimilarity", nn.CosineSimilarity(), g(3, 4), g(3, 4))
case("PairwiseDistance", nn.PairwiseDistance(keepdim=True), g(3, 4), g(3, 4))
case("LocalResponseNorm", nn.LocalResponseNorm(3, alpha=0.1), g(2, 5, 3))
case("LocalResponseNorm of images", nn.LocalResponseNorm(2, alpha=0.1, k=2.0), g(2, 4, 2, 3))
case("Bilinear", nn.Bilinear(3, 4, 2), g(5, 3), g(5, 4))
case("InstanceNorm1d", nn.InstanceNorm1d(3, affine=True), g(2, 3, 5))
case("InstanceNorm1d one example", nn.InstanceNorm1d(3), g(3, 5))
case("InstanceNorm2d with statistics", nn.InstanceNorm2d(3, affine=True, track_running_stats=True), g(2, 3, 2, 4), train=True)
case("InstanceNorm3d", nn.InstanceNorm3d(2), g(2, 2, 2, 2, 3))
case("BatchNorm3d", nn.BatchNorm3d(2), g(3, 2, 2, 2, 2), train=True)
case("PoissonNLLLoss", nn.PoissonNLLLoss(full=True), g(3, 4), g(3, 4).abs() + 1.5)
case("GaussianNLLLoss", nn.GaussianNLLLoss(full=True, eps=1e-6), g(3, 4), g(3, 4), g(3, 4).abs() + 0.1)
case("GaussianNLLLoss of one variance a row", nn.GaussianNLLLoss(eps=1e-6, reduction="sum"), g(3, 4), g(3, 4), g(3, 1).abs() + 0.1)
case("MultiLabelMarginLoss", nn.MultiLabelMarginLoss(), g(2, 4), torch.tensor([[3, 0, -1, 1], [1, -1, 0, 2]]))
case("MultiLabelSoftMarginLoss", nn.MultiLabelSoftMarginLoss(), g(3, 4), (g(3, 4) > 0).float())
case("MultiMarginLoss", nn.MultiMarginLoss(p=2, margin=0.5), g(3, 4), torch.tensor([0, 3, 1]))
case("TripletMarginLoss", nn.TripletMarginLoss(swap=True), g(3, 4), g(3, 4), g(3, 4))
case("CTCLoss", nn.CTCLoss(reduction="sum"), g(6, 2, 4).log_softmax(-1).detach(), torch.tensor([[1, 2, 3], [2, 2, 0]]), torch.tensor([6, 5]), torch.tensor([3, 2]))
print(json.dumps(cases))
