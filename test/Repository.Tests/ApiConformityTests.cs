namespace Repository.Tests;

/// <summary>
/// foundation/ shows nothing that the real packages do not have. What src/ and samples/ use of it is then in the listings too,
/// as long as they see only its public surface, which <see cref="FriendTests"/> guards.
/// </summary>
[TestClass]
public sealed class ApiConformityTests
{
    [TestMethod]
    public void Foundation_shows_only_what_the_real_packages_have()
    {
        if (!Repository.IsBundled)
            Assert.Inconclusive("foundation/ takes no part in this build (PeftFoundation=NuGet)");
        var problems = new List<string>();
        int listed = 0;
        foreach (string assembly in Repository.Assemblies("foundation"))
        {
            string name = Path.GetFileNameWithoutExtension(assembly);
            string listing = Repository.FullPath($"test/data/api/{name}.txt");
            Assert.IsTrue(File.Exists(listing), $"foundation/ builds {name}, and there is no listing {listing} of a real assembly of that name");
            var ours = ApiListing.Of(assembly);
            listed += ours.Count;
            problems.AddRange(new ApiListing(File.ReadLines(listing)).Surplus(ours).Select(p => $"{name}: {p}"));
        }
        Assert.AreNotEqual(0, listed, "the lister found nothing at all");
        Assert.IsEmpty(problems, $"{problems.Count} public members are not in test/data/api:\n" + string.Join('\n', problems.Take(200)));
    }

    [TestMethod]
    [DataRow("A.T.M(int count = 2) : void", "A.T.M(int count = 1) : void", DisplayName = "other default")]
    [DataRow("A.T.M(int n = 1) : void", "A.T.M(int count = 1) : void", DisplayName = "other parameter name")]
    [DataRow("A.T.P { get; set; } : int", "A.T.P { get; } : int", DisplayName = "one accessor more")]
    [DataRow("A.T.M() : void [static]", "A.T.M() : void", DisplayName = "other flags")]
    [DataRow("type A.T [class]", "type A.T [sealed class]", DisplayName = "not sealed")]
    [DataRow("type A.T [class] : A.Base", "type A.T [class]", DisplayName = "other base class")]
    [DataRow("type A.T [class] : A.I1, A.I2<A.X, A.Y>", "type A.T [class] : A.I1", DisplayName = "one interface more")]
    [DataRow("type A.T [class] : A.I1", "type A.T [class] : A.Base, A.I1", DisplayName = "base class missing")]
    [DataRow("type A.T<X> [class] where X : struct", "type A.T<X> [class] where X : class", DisplayName = "other constraint")]
    [DataRow("type A.U [class]", "type A.T [class]", DisplayName = "unknown type")]
    public void Surplus_is_found(string ours, string real) =>
        Assert.HasCount(1, new ApiListing([real]).Surplus([ours]));

    [TestMethod]
    [DataRow("type A.T [class] : A.Base, A.I2<A.X, A.Y>", "type A.T [class] : A.Base, A.I1, A.I2<A.X, A.Y>", DisplayName = "one interface fewer")]
    [DataRow("type A.T [struct]", "type A.T [struct] : System.IEquatable<A.T>", DisplayName = "no interface")]
    [DataRow("A.T.this[(int First, int) at] { get; } : int", "A.T.this[(int First, int) at] { get; } : int", DisplayName = "equal")]
    public void A_subset_is_no_surplus(string ours, string real) =>
        Assert.IsEmpty(new ApiListing([real, "A.T.Other() : void"]).Surplus([ours]));

    [TestMethod]
    public void The_lister_sees_public_and_protected_members_and_no_others()
    {
        var lines = ApiListing.Of(typeof(Specimen).Assembly.Location).Where(l => l.Contains("Specimen.", StringComparison.Ordinal)).ToList();
        CollectionAssert.AreEquivalent(new[]
        {
            "Repository.Tests.Specimen..ctor(int first, string second = \"x\")",
            "Repository.Tests.Specimen.Twice(long value) : long [protected virtual]",
        }, lines);
    }
}

/// <summary>A class with one member of each visibility, for the lister.</summary>
public class Specimen(int first, string second = "x")
{
    protected virtual long Twice(long value) => 2 * value + Hidden() - first - second.Length;

    internal static int Hidden() => 0;
}
