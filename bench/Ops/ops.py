"""The rows of Program.cs in Python torch, same units: "name nanoseconds 0"."""
import sys
import time

import torch

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
torch.set_num_threads(1)
a, b, x, w, bias, one, wide = torch.rand(4), torch.rand(4), torch.rand(8, 8), torch.rand(8, 8), torch.rand(8), torch.ones(1), torch.rand(16)


def row(name, calls, body):
    for _ in range(3000):
        body()
    best = 1e30
    for _ in range(rounds):
        start = time.process_time_ns()
        for _ in range(calls):
            body()
        best = min(best, (time.process_time_ns() - start) / calls)
    print(name, round(best), 0, flush=True)


def flops(name, m, n, calls):
    for _ in range(2):
        m @ n
    best = 1e30
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(calls):
            m @ n
        best = min(best, (time.perf_counter_ns() - start) / calls)
    print(name, round(best), 0, flush=True)


row("add", 100000, lambda: a + b)
row("add_", 100000, lambda: a.add_(b))
row("mul_number", 100000, lambda: a * 1.0)
row("slice", 100000, lambda: wide[1:3])
row("shape", 200000, lambda: x.shape[0])
row("item", 200000, lambda: one.item())
row("zeros", 100000, lambda: torch.zeros(4))
row("matmul_8", 100000, lambda: x @ w)
linear = torch.nn.functional.linear
with torch.no_grad():
    row("linear_8", 50000, lambda: linear(x, w, bias))
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01, foreach=True)
inp, target = torch.rand(16, 8), torch.rand(16, 8)
torch.nn.functional.mse_loss(model(inp), target).backward()
row("adamw_4_tensors", 3000, optimizer.step)


def step():
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.mse_loss(model(inp), target).backward()
    optimizer.step()


row("mlp_step", 2000, step)
torch.set_num_threads(__import__("os").cpu_count())
flops("matmul_1024_f32", torch.rand(1024, 1024), torch.rand(1024, 1024), 5)
flops("matmul_1024_bf16", torch.rand(1024, 1024).bfloat16(), torch.rand(1024, 1024).bfloat16(), 5)
