using System.Diagnostics;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Two processes whose adapters began with different seeds: this one and a child that runs <see cref="Rank1"/>.</summary>
[TestClass]
public sealed class AdapterBroadcastTests
{
    private const string StoreVariable = "PEFT_TEST_BROADCAST_STORE";

    [TestMethod]
    public void Every_rank_trains_the_columns_of_the_root()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), $"peft-store-{Guid.NewGuid():N}");
        using var store = ProcessStore.File(path, 2);
        using var child = StartRank1(path);
        using (var group = new ProcessGroup(store, GroupBackend.Gloo, 0, 2))
        using (var set = Set(1))
        {
            var before = Bytes(set);
            set.Broadcast(group);
            CollectionAssert.AreEqual(before, Bytes(set));
            using (set.Merge())
            {
                StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => set.Broadcast(group)).Message, "is merged");
            }
        }

        Assert.IsTrue(child.WaitForExit(60_000));
        Assert.AreEqual(0, child.ExitCode, child.StandardOutput.ReadToEnd());
    }

    /// <summary>The child's part; does nothing when it is run as a test of its own.</summary>
    [TestMethod]
    public void Rank1()
    {
        if (Environment.GetEnvironmentVariable(StoreVariable) is not { Length: > 0 } path)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var store = ProcessStore.File(path, 2);
        using var group = new ProcessGroup(store, GroupBackend.Gloo, 1, 2);
        using var set = Set(2);
        using var root = Set(1);
        CollectionAssert.AreNotEqual(Bytes(root), Bytes(set));

        set.Broadcast(group);

        CollectionAssert.AreEqual(Bytes(root), Bytes(set));
    }

    private static AdapterSet Set(long seed)
        => AdapterSet.ForWeights(new PacaOptions { Rank = 4 }, [.. Enumerable.Range(0, 2).Select(k => new LinearWeight($"block.{k}.query", arange(40, ScalarType.Float32).view(4, 10).add(k).sin()))], seed);

    private static byte[] Bytes(AdapterSet set) => [.. set.Parameters().SelectMany(p => p.Parameter.bytes.ToArray())];

    private static Process StartRank1(string path)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (var argument in new[] { "vstest", typeof(AdapterBroadcastTests).Assembly.Location, $"/Tests:{typeof(AdapterBroadcastTests).FullName}.{nameof(Rank1)}" })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[StoreVariable] = path;
        return Process.Start(start)!;
    }
}
