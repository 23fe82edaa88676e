namespace Repository.Tests;

/// <summary>Files and methods stay small enough to be read at once, and the repository small enough to be cloned.</summary>
[TestClass]
public sealed class SizeTests
{
    private const int MostLinesOfFile = 500;
    private const int MostLinesOfMethod = 200;
    private const long MostBytesOfTree = 40L << 20;

    [TestMethod]
    public void Source_files_have_at_most_500_lines()
    {
        // What others wrote, such as the script that made golden data, stays as it came.
        var files = Repository.FilesWith([".cs", ".cpp", ".h", ".py", ".sh"]).Where(f => !f.StartsWith("test/data/", StringComparison.Ordinal)).ToList();
        Assert.IsGreaterThan(20, files.Count, "the listing of files does not work");
        var long_ = from file in files
                    let lines = File.ReadLines(Repository.FullPath(file)).Count()
                    where lines > MostLinesOfFile
                    select $"{file}: {lines} lines";
        Assert.IsEmpty(long_, $"more than {MostLinesOfFile} lines, split them by idea:\n" + string.Join('\n', long_));
    }

    [TestMethod]
    public void Methods_have_at_most_200_lines()
    {
        string[] folders = Repository.IsBundled ? ["src", "samples", "bench", "eng", "foundation"] : ["src", "samples", "bench", "eng"];
        var problems = new List<string>();
        int measured = 0;
        foreach (string path in Repository.Assemblies(folders).Append(typeof(SizeTests).Assembly.Location))
        {
            using var assembly = new Metadata(path);
            using var symbols = assembly.Symbols();
            var debug = symbols.GetMetadataReader();
            foreach (var handle in debug.MethodDebugInformation)
            {
                var points = debug.GetMethodDebugInformation(handle).GetSequencePoints().Where(p => !p.IsHidden).ToList();
                if (points.Count == 0)
                    continue;
                measured++;
                int lines = points.Max(p => p.EndLine) - points.Min(p => p.StartLine) + 1;
                var method = assembly.Reader.GetMethodDefinition(handle.ToDefinitionHandle());
                string name = assembly.Reader.GetString(method.Name);
                // Field initialisers belong to the constructor's code and may stand anywhere in the type.
                if (lines > MostLinesOfMethod && name is not (".ctor" or ".cctor"))
                    problems.Add($"{debug.GetString(debug.GetDocument(points[0].Document).Name)}: {name} has {lines} lines");
            }
        }
        Assert.IsGreaterThan(100, measured, "the symbols do not say where methods stand");
        Assert.IsEmpty(problems, $"more than {MostLinesOfMethod} lines:\n" + string.Join('\n', problems));
    }

    [TestMethod]
    public void The_tree_stays_under_40_MiB()
    {
        var sizes = Repository.Files.Select(f => (File: f, new FileInfo(Repository.FullPath(f)).Length)).OrderByDescending(f => f.Length).ToList();
        long total = sizes.Sum(f => f.Length);
        Assert.IsLessThan(MostBytesOfTree, total,
            $"the tree has {total >> 20} MiB; the largest: " + string.Join(", ", sizes.Take(5).Select(f => $"{f.File} {f.Length >> 10} KiB")));
    }
}
