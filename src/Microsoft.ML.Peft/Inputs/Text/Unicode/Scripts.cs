namespace Microsoft.ML.Peft.Inputs.Text.Unicode;

/// <summary>The script of every character, from the tables that eng/UnicodeTables makes.</summary>
internal static class Scripts
{
    private static readonly string[] Names;
    private static readonly int[] First;
    private static readonly int[] Last;
    private static readonly byte[] Script;

    static Scripts()
    {
        using var stream = typeof(Scripts).Assembly.GetManifestResourceStream("Microsoft.ML.Peft.Inputs.Text.Unicode.scripts.bin")
            ?? throw new InvalidOperationException("The library was built without its Unicode tables.");
        using var reader = new BinaryReader(stream);
        Names = new string[reader.Read7BitEncodedInt()];
        for (var i = 0; i < Names.Length; i++)
            Names[i] = reader.ReadString();
        var count = reader.Read7BitEncodedInt();
        (First, Last, Script) = (new int[count], new int[count], new byte[count]);
        var code = 0;
        for (var i = 0; i < count; i++)
        {
            code += reader.Read7BitEncodedInt();
            First[i] = code;
            Last[i] = code + reader.Read7BitEncodedInt();
            Script[i] = (byte)reader.Read7BitEncodedInt();
        }
    }

    /// <summary>Number of a code point's script, or −1 for unassigned ones.</summary>
    public static int Of(int code)
    {
        var index = Array.BinarySearch(First, code);
        if (index < 0)
            index = ~index - 1;
        return index >= 0 && code <= Last[index] ? Script[index] : -1;
    }

    /// <summary>Number of the script with this name, or null; case and underscores do not count.</summary>
    public static int? Named(string name)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (string.Equals(Names[i].Replace("_", "", StringComparison.Ordinal), name.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase))
                return i;
        }
        return null;
    }
}
