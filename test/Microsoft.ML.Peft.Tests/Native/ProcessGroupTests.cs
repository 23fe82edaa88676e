using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Peft.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Native;

/// <summary>Two real processes over the loopback: this one and a child that runs <see cref="Rank1"/>.</summary>
[TestClass]
public sealed class ProcessGroupTests
{
    private const string StoreVariable = "PEFT_TEST_STORE";

    [TestMethod]
    [DataRow("file")]
    [DataRow("tcp")]
    public void Two_processes_reduce_broadcast_and_wait(string kind)
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), $"peft-store-{Guid.NewGuid():N}");
        using var store = kind == "file" ? ProcessStore.File(path, 2) : ProcessStore.Tcp("127.0.0.1", 0, isServer: true, 2);
        using var child = StartRank1(kind == "file" ? path : string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{store.Port}"));
        using (var group = new ProcessGroup(store, GroupBackend.Gloo, 0, 2))
        {
            var sum = tensor(new[] { 1f, 2f, 3f });
            group.AllReduce(sum); // the other has 10, 20, 30
            CollectionAssert.AreEqual(new[] { 11f, 22f, 33f }, sum.data<float>().ToArray());

            var most = tensor(new[] { 5f, 0f });
            group.AllReduce(most, GroupReduction.Maximum); // the other has 1, 7
            CollectionAssert.AreEqual(new[] { 5f, 7f }, most.data<float>().ToArray());

            var given = zeros(2);
            group.Broadcast(given, root: 1);
            CollectionAssert.AreEqual(new[] { 4f, 2f }, given.data<float>().ToArray());
            group.Barrier();

            Assert.Throws<ExternalException>(() => group.AllReduce(zeros(2, ScalarType.BFloat16)));
        }

        Assert.IsTrue(child.WaitForExit(60_000));
        Assert.AreEqual(0, child.ExitCode, child.StandardOutput.ReadToEnd());
    }

    [TestMethod]
    public void A_rank_that_never_comes_is_an_error_after_the_time_out()
    {
        using var store = ProcessStore.Tcp("127.0.0.1", 0, isServer: true, 2);
        Assert.Throws<ExternalException>(() => new ProcessGroup(store, GroupBackend.Gloo, 0, 2, timeout: TimeSpan.FromSeconds(1)));
    }

    [TestMethod]
    public void Ranks_outside_the_world_are_refused()
    {
        using var store = ProcessStore.Tcp("127.0.0.1", 0, isServer: true, 2);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ProcessGroup(store, GroupBackend.Gloo, 2, 2));
    }

    /// <summary>The child's part; does nothing when it is run as a test of its own.</summary>
    [TestMethod]
    public void Rank1()
    {
        if (Environment.GetEnvironmentVariable(StoreVariable) is not { Length: > 0 } where)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var store = where.Contains(':', StringComparison.Ordinal)
            ? ProcessStore.Tcp("127.0.0.1", int.Parse(where.Split(':')[1], CultureInfo.InvariantCulture), isServer: false, 2)
            : ProcessStore.File(where, 2);
        using var group = new ProcessGroup(store, GroupBackend.Gloo, 1, 2);
        var sum = tensor(new[] { 10f, 20f, 30f });
        group.AllReduce(sum);
        group.AllReduce(tensor(new[] { 1f, 7f }), GroupReduction.Maximum);
        group.Broadcast(tensor(new[] { 4f, 2f }), root: 1);
        group.Barrier();
        Assert.AreEqual(33f, sum[2].item<float>());
    }

    private static Process StartRank1(string where)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (var argument in new[] { "vstest", typeof(ProcessGroupTests).Assembly.Location, $"/Tests:{typeof(ProcessGroupTests).FullName}.{nameof(Rank1)}" })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[StoreVariable] = where;
        return Process.Start(start)!;
    }
}
