using Peft.Golden;
using Peft.Golden.Inputs;

if (args is ["--pack", var packed, var archive])
{
    GoldenArchive.Pack(packed, archive);
    return 0;
}

if (args.Length == 0 || (args.Length > 2 && args[0] != "--models") || args[0] is "-h" or "--help")
{
    Console.Error.WriteLine("""
        usage: Golden <folder> [filter]
          Compares every model and adapter of a golden folder with what Hugging Face recorded: one line a case with the
          largest relative difference of each tensor, last a line of counts. filter: only cases whose name contains it,
          for example 'bert/lora'. Exit code 1 if a case is different or was skipped.
          A folder of front ends, such as golden/inputs, has its tokenizers, images and audio compared.
        usage: Golden --models <folder> [folder]...
          Prints docs/models.md.
        usage: Golden --pack <folder> <archive>
          Packs a golden folder as the tests unpack it: a tar whose root is the archive's name, compressed by Brotli.
        """);
    return 2;
}

if (args is ["--models", .. var listed])
{
    if (listed.Length == 0 || !listed.All(Directory.Exists))
    {
        Console.Error.WriteLine(listed.Length == 0 ? "Give at least one golden folder." : $"The folder '{listed.First(folder => !Directory.Exists(folder))}' does not exist.");
        return 2;
    }

    Console.Write(ModelsDocument.Write(listed));
    return 0;
}

var (root, filter) = (args[0], args.Length == 2 ? args[1] : "");
if (!Directory.Exists(root))
{
    Console.Error.WriteLine($"The folder '{root}' does not exist.");
    return 2;
}

if (InputComparison.IsInputs(root))
{
    return InputComparison.Print(root, filter);
}

var cases = GoldenCase.In(root).Where(c => c.ToString().Contains(filter, StringComparison.OrdinalIgnoreCase)).ToList();
if (cases.Count == 0)
{
    Console.Error.WriteLine($"No case of '{root}' has a name that contains '{filter}'.");
    return 2;
}

var counts = new Dictionary<GoldenVerdict, int>();
foreach (var golden in cases)
{
    var result = GoldenComparison.Run(golden);
    counts[result.Verdict] = counts.GetValueOrDefault(result.Verdict) + 1;
    Console.WriteLine(result);
}

var (equal, different, skipped) = (Count(GoldenVerdict.Equal), Count(GoldenVerdict.Different), Count(GoldenVerdict.Skipped));
Console.WriteLine($"golden: {cases.Count} cases, {equal} equal, {different} different, {skipped} skipped");
return different + skipped == 0 ? 0 : 1;

int Count(GoldenVerdict verdict) => counts.GetValueOrDefault(verdict);
