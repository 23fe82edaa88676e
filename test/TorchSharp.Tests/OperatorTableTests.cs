using System.Reflection;

namespace TorchSharp.Tests;

[TestClass]
public sealed class OperatorTableTests
{
    // Operators that appeared after libtorch 1.13; members that use them have another way on 1.13 or say what is missing.
    private static readonly string[] later = ["scaled_dot_product_attention"];

    [TestMethod]
    public void EveryOperatorNamedInTheTablesExistsInThisLibtorch()
    {
        var ops = typeof(torch).Assembly.GetType("TorchSharp.Ops")!.GetFields(BindingFlags.Static | BindingFlags.NonPublic);
        Assert.IsTrue(ops.Length > 400, $"only {ops.Length} operators");
        var exists = ops[0].FieldType.GetProperty("Exists", BindingFlags.Instance | BindingFlags.NonPublic)!;
        var missing = ops.Where(f => !later.Contains(f.Name) && !(bool)exists.GetValue(f.GetValue(null))!).Select(f => f.Name).ToArray();
        Assert.AreEqual(0, missing.Length, string.Join(", ", missing));
    }
}
