namespace Microsoft.ML.Peft.Tests.GoldenMethods;

/// <summary>That nothing of a set is passed over: each file belongs to a case, each case is of a kind that a test reads.</summary>
[TestClass]
public sealed class MethodSetTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Methods => MethodKinds.All.Select(method => new object[] { method.Slug });

    [TestMethod]
    public void The_set_has_cases_of_methods_that_are_tested()
        => Assert.IsTrue(
            MethodKinds.All.Any(method => MethodKinds.Files(method.Slug, "json").Any()),
            $"'{MethodCase.Root}' has no case: it must have a folder of a method, such as 'dylora', with pairs of <case>.json and <case>.safetensors.");

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Every_file_is_half_of_a_case_of_a_kind_that_a_test_reads(string slug)
    {
        var (described, recorded) = (MethodKinds.Files(slug, "json").ToHashSet(), MethodKinds.Files(slug, "safetensors").ToHashSet());
        if (described.Count + recorded.Count == 0)
        {
            Assert.Inconclusive(MethodCase.Lacks(slug, "any kind"));
        }

        string[] halves = [.. described.Except(recorded).Select(name => name + ".json"), .. recorded.Except(described).Select(name => name + ".safetensors")];
        Assert.IsEmpty(halves, $"'{Path.Combine(MethodCase.Root, slug)}' has halves of cases: {string.Join(", ", halves)}.");
        var unknown = described.Where(name => MethodKinds.KindOf(slug, name) is null).ToList();
        Assert.IsEmpty(
            unknown, $"No test reads the cases {string.Join(", ", unknown)} of '{slug}': they have no tensor whose name begins with {MethodKinds.Marks(slug)}.");
    }

    [TestMethod]
    public void A_result_that_a_test_does_not_compare_fails_it()
    {
        var (slug, name) = MethodKinds.All.SelectMany(method => MethodKinds.Files(method.Slug, "safetensors"), (method, name) => (method.Slug, name)).First();
        using var golden = MethodCase.Load(slug, name);

        var error = Assert.ThrowsExactly<AssertFailedException>(golden.AssertAllRead);
        StringAssert.Contains(error.Message, golden.Names.First(tensor => tensor.Contains("param.", StringComparison.Ordinal) || tensor.Contains("trainable.", StringComparison.Ordinal)));
        foreach (var tensor in golden.Names.ToList())
        {
            _ = golden[tensor];
        }

        golden.AssertAllRead();
    }

    [TestMethod]
    public void The_repositorys_own_set_has_every_kind_of_every_method()
    {
        if (!MethodCase.IsOwn)
        {
            Assert.Inconclusive("PEFT_GOLDEN_METHODS names another set, which may have some methods and kinds only.");
        }

        foreach (var (slug, kinds) in MethodKinds.All)
        {
            var there = MethodKinds.Files(slug, "json").Select(name => MethodKinds.KindOf(slug, name)).Distinct();
            CollectionAssert.AreEquivalent(kinds.ToList(), there.ToList(), slug);
        }
    }
}
