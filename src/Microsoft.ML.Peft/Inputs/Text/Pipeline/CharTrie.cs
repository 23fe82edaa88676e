using System.Numerics;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>A prefix tree over UTF-16 units: one hash look-up a step, no allocation.</summary>
internal sealed class CharTrie
{
    public const int Root = 0;
    public const int None = -1;

    private long[] _keys = new long[64];
    private int[] _children = new int[64];
    private int[] _values = new int[16];
    private int _edges;
    private int _shift = 64 - 6;

    public CharTrie() => _values[Root] = None;

    /// <summary>Number of nodes; each costs about 30 bytes.</summary>
    public int Nodes => _edges + 1;

    /// <summary>Adds a text with its value, which replaces an earlier one.</summary>
    public void Add(ReadOnlySpan<char> text, int value)
    {
        var node = Root;
        foreach (var c in text)
        {
            var next = Step(node, c);
            node = next != None ? next : AddEdge(node, c);
        }
        _values[node] = value;
    }

    /// <summary>The node one unit further, or <see cref="None"/>.</summary>
    public int Step(int node, char c)
    {
        var key = Key(node, c);
        var slot = Slot(key);
        while (true)
        {
            var found = _keys[slot];
            if (found == key)
                return _children[slot];
            if (found == 0)
                return None;
            slot = (slot + 1) & (_keys.Length - 1);
        }
    }

    /// <summary>The value of the text that ends at <paramref name="node"/>, or <see cref="None"/>.</summary>
    public int Value(int node) => _values[node];

    /// <summary>The node of a whole text, or <see cref="None"/>.</summary>
    public int Walk(ReadOnlySpan<char> text)
    {
        var node = Root;
        foreach (var c in text)
        {
            node = Step(node, c);
            if (node == None)
                break;
        }
        return node;
    }

    // Node numbers count from 1 here, so that no key is 0.
    private static long Key(int node, char c) => ((long)(node + 1) << 16) | c;

    private int Slot(long key) => (int)((ulong)(key * unchecked((long)0x9E3779B97F4A7C15)) >> _shift);

    private int AddEdge(int node, char c)
    {
        if ((_edges + 1) * 2 > _keys.Length)
            Rehash(_keys.Length * 2);
        var child = ++_edges;
        if (child == _values.Length)
            Array.Resize(ref _values, child * 2);
        _values[child] = None;
        Put(Key(node, c), child);
        return child;
    }

    private void Put(long key, int child)
    {
        var slot = Slot(key);
        while (_keys[slot] != 0)
            slot = (slot + 1) & (_keys.Length - 1);
        _keys[slot] = key;
        _children[slot] = child;
    }

    private void Rehash(int size)
    {
        var (keys, children) = (_keys, _children);
        _keys = new long[size];
        _children = new int[size];
        _shift = 64 - BitOperations.Log2((uint)size);
        for (var i = 0; i < keys.Length; i++)
        {
            if (keys[i] != 0)
                Put(keys[i], children[i]);
        }
    }
}
