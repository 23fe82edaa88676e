using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>What a call leaves on the managed heap: at most 100 bytes, in a scope and outside.</summary>
[TestClass]
public sealed class AllocationTests : LeakCheckedTests
{
    private const int Calls = 2000;
    private const double Most = 100;

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void ACallAllocatesLittle(bool inScope)
    {
        Tensor[] kept = [.. new[] { rand(4), rand(4), rand(8, 8), rand(8, 8), rand(8), ones(1), rand(16) }.Select(t => t.DetachFromDisposeScope())];
        var (a, b, x, w, bias, one, wide) = (kept[0], kept[1], kept[2], kept[3], kept[4], kept[5], kept[6]);
        long sum = 0;
        var measured = new Dictionary<string, double>();
        // a thread of its own has no scope
        var thread = new Thread(() =>
        {
            using var scope = inScope ? NewDisposeScope() : null;
            Row("add", () => (a + b).Dispose());
            Row("add_", () => a.add_(b));
            Row("mul by a number", () => (a * 2f).Dispose());
            Row("slice", () => wide[1..3].Dispose());
            Row("select", () => wide[2].Dispose());
            Row("shape", () => sum += x.shape[0]);
            Row("item", () => sum += (long)one.item<float>());
            Row("zeros", () => zeros(4).Dispose());
            Row("linear", () => nn.functional.linear(x, w, bias).Dispose());
            Row("view", () => x.view(64).Dispose());
            Row("softmax", () => x.softmax(-1).Dispose());
        });
        thread.Start();
        thread.Join();
        foreach (var t in kept) t.Dispose();
        Assert.HasCount(11, measured);
        foreach (var (name, bytes) in measured) Assert.IsLessThanOrEqualTo(Most, bytes, name);

        void Row(string name, Action call)
        {
            for (int k = 0; k < 200; k++) call();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int k = 0; k < Calls; k++) call();
            measured.Add(name, (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Calls);
        }
    }
}
