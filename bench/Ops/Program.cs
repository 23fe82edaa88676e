// Cost of one call, as processor time of the calling thread's process, in nanoseconds: one line a row, "name nanoseconds bytes".
// run.sh runs it beside ops.py and loop.cpp and prints the table.
using System.Diagnostics;
using static TorchSharp.torch;

var process = Process.GetCurrentProcess();
int rounds = args.Length > 0 ? int.Parse(args[0]) : 7;

set_num_threads(1);
var a = rand(4);
var b = rand(4);
var x = rand(8, 8);
var w = rand(8, 8);
var bias = rand(8);
var one = ones(1);
var wide = rand(16);

Row("add", 100_000, () => { using var c = a + b; });
Row("slice_no_scope", 100_000, () => { using var c = wide[1..3]; });
var outer = NewDisposeScope();
Row("add_in_scope", 100_000, () => { using var c = a + b; });
Row("add_", 100_000, () => a.add_(b));
Row("mul_number", 100_000, () => { using var c = a * 1.0f; });
Row("slice", 100_000, () => { using var c = wide[1..3]; });
long sum = 0;
Row("shape", 200_000, () => sum += x.shape[0]);
float value = 0;
Row("item", 200_000, () => value += one.item<float>());
Row("zeros", 100_000, () => { using var c = zeros(4); });
Row("matmul_8", 100_000, () => { using var c = x.matmul(w); });
using (no_grad()) Row("linear_8", 50_000, () => { using var c = nn.functional.linear(x, w, bias); });

manual_seed(0);
using (var model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8)))
{
    var optimizer = optim.AdamW(model.parameters().ToArray(), 1e-3, weight_decay: 0.01);
    var input = rand(16, 8);
    var target = rand(16, 8);
    nn.functional.mse_loss(model.call(input), target).backward();
    Row("adamw_4_tensors", 3_000, () => optimizer.step());
    Row("mlp_step", 2_000, () =>
    {
        using var scope = NewDisposeScope();
        model.zero_grad();
        nn.functional.mse_loss(model.call(input), target).backward();
        optimizer.step();
    });
}

outer.Dispose();
set_num_threads(Environment.ProcessorCount);
Flops("matmul_1024_f32", rand(1024, 1024), rand(1024, 1024), 5);
Flops("matmul_1024_bf16", rand(1024, 1024).bfloat16(), rand(1024, 1024).bfloat16(), 5);
GC.KeepAlive(sum + value);

double Cpu()
{
    process.Refresh();
    return process.TotalProcessorTime.TotalNanoseconds;
}

void Row(string name, int calls, Action body)
{
    // tiered compilation has to see the call often and then be given a moment
    for (int k = 0; k < 3_000; k++) body();
    Thread.Sleep(150);
    for (int k = 0; k < 3_000; k++) body();
    double best = double.MaxValue;
    long bytes = 0;
    for (int r = 0; r < rounds; r++)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        double start = Cpu();
        for (int k = 0; k < calls; k++) body();
        best = Math.Min(best, (Cpu() - start) / calls);
        bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / calls;
    }
    Console.WriteLine(FormattableString.Invariant($"{name} {best:F0} {bytes}"));
}

// wall time, as all cores take part
void Flops(string name, Tensor m, Tensor n, int calls)
{
    for (int k = 0; k < 2; k++) m.matmul(n).Dispose();
    double best = double.MaxValue;
    for (int r = 0; r < rounds; r++)
    {
        long start = Stopwatch.GetTimestamp();
        for (int k = 0; k < calls; k++) m.matmul(n).Dispose();
        best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls);
    }
    Console.WriteLine(FormattableString.Invariant($"{name} {best:F0} 0"));
}
