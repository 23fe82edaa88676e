using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The folder of factors.</summary>
[TestClass]
public sealed class ClipSvdCacheTests
{
    private DisposeScope _scope = null!;
    private string _folder = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        (_scope, _folder) = (NewDisposeScope(), Path.Combine(Path.GetTempPath(), $"peft-svd-cache-{Guid.NewGuid():N}"));
    }

    [TestCleanup]
    public void Close()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    public void A_second_adapter_reads_what_the_first_one_has_factored()
    {
        var weight = randn(12, 8);
        var first = Factor(weight);
        var file = Directory.GetFiles(_folder).Single();
        Assert.IsTrue(Same(first, ClipSvd.Factor(weight)));

        // What is in the file is what comes: the sign of a row tells.
        var (u, s, v) = (first.U.neg(), first.S, first.V.neg());
        SafetensorsWriter.Write(file, [new("U", u), new("S", s), new("V", v)], new Dictionary<string, string> { ["sha256"] = Sum(u, s, v) });
        Assert.IsTrue(Same((u, s, v), Factor(weight)));
        using var set = AdapterSet.ForWeights(new ClipSvdOptions { CacheFolder = _folder }, [new LinearWeight("x", weight)], 0);
        Assert.IsTrue(u.to(ScalarType.Float32).equal(((ClipSvd)set.Adapters.Single()).named_parameters().Single(p => p.name == "factor_U").parameter).all().item<bool>());

        Factor(weight + 1);
        ClipSvdCache.Factor(_folder, weight, ClipSvdPrecision.Float32);
        ClipSvdCache.Factor(_folder, weight.to(ScalarType.BFloat16), ClipSvdPrecision.Float64);
        Assert.HasCount(4, Directory.GetFiles(_folder), "another weight, precision or type is another file");
    }

    [TestMethod]
    [DataRow("cut short")]
    [DataRow("empty")]
    [DataRow("of other sizes")]
    [DataRow("with other numbers")]
    public void A_damaged_file_is_made_anew(string how)
    {
        var weight = randn(12, 8);
        var first = Factor(weight);
        var file = Directory.GetFiles(_folder).Single();
        var whole = File.ReadAllBytes(file);
        switch (how)
        {
            case "of other sizes":
                var (u, s, v) = ClipSvd.Factor(randn(6, 8));
                SafetensorsWriter.Write(file, [new("U", u.contiguous()), new("S", s.contiguous()), new("V", v.contiguous())], new Dictionary<string, string> { ["sha256"] = Sum(u, s, v) });
                break;
            case "with other numbers":
                File.WriteAllBytes(file, [.. whole[..^1], (byte)(whole[^1] ^ 1)]);
                break;
            default:
                File.WriteAllBytes(file, how == "empty" ? [] : whole[..^9]);
                break;
        }

        Assert.IsTrue(Same(first, Factor(weight)));
        CollectionAssert.AreEqual(whole, File.ReadAllBytes(file));
    }

    [TestMethod]
    public void The_variable_of_the_environment_names_it_for_all()
    {
        var before = Environment.GetEnvironmentVariable(ClipSvdCache.Variable);
        try
        {
            Environment.SetEnvironmentVariable(ClipSvdCache.Variable, _folder);
            using var set = AdapterSet.ForWeights(new ClipSvdOptions(), [new LinearWeight("x", randn(8, 8))], 0);
            Assert.HasCount(1, Directory.GetFiles(_folder));
            Assert.IsFalse(set.Options!.ToJson().Contains("cache", StringComparison.OrdinalIgnoreCase));
        }
        finally
        {
            Environment.SetEnvironmentVariable(ClipSvdCache.Variable, before);
        }

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ClipSvdOptions { CacheFolder = " " }.Validate()).Message, "CacheFolder");
    }

    private (Tensor U, Tensor S, Tensor V) Factor(Tensor weight) => ClipSvdCache.Factor(_folder, weight, ClipSvdPrecision.Float64);

    private static bool Same((Tensor U, Tensor S, Tensor V) a, (Tensor U, Tensor S, Tensor V) b)
        => a.U.contiguous().bytes.SequenceEqual(b.U.contiguous().bytes) && a.S.bytes.SequenceEqual(b.S.bytes) && a.V.contiguous().bytes.SequenceEqual(b.V.contiguous().bytes);

    private static string Sum(params Tensor[] tensors)
        => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([.. tensors.SelectMany(t => t.contiguous().bytes.ToArray())]));
}
