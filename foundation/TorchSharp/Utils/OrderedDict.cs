using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace TorchSharp.Utils;

/// <summary>A dictionary that keeps the order in which its entries were added.</summary>
public class OrderedDict<TKey, TValue> : IDictionary<TKey, TValue>, IList<(TKey, TValue)> where TKey : notnull
{
    private readonly List<(TKey, TValue)> list = [];
    private readonly Dictionary<TKey, TValue> dictionary = [];

    public int Count => list.Count;
    public bool IsReadOnly => false;
    public ICollection<TKey> Keys => [.. list.Select(i => i.Item1)];
    public ICollection<TValue> Values => [.. list.Select(i => i.Item2)];
    public IEnumerable<TKey> keys() => list.Select(i => i.Item1);
    public IEnumerable<TValue> values() => list.Select(i => i.Item2);
    public IEnumerator<(TKey, TValue)> items() => list.GetEnumerator();

    public TValue this[TKey key]
    {
        get => dictionary[key];
        set
        {
            if (dictionary.ContainsKey(key)) list[Place(key)] = (key, value);
            else list.Add((key, value));
            dictionary[key] = value;
        }
    }

    public (TKey, TValue) this[int index]
    {
        get => list[index];
        set
        {
            dictionary.Remove(list[index].Item1);
            dictionary.Add(value.Item1, value.Item2);
            list[index] = value;
        }
    }

    private int Place(TKey key) => list.FindIndex(i => EqualityComparer<TKey>.Default.Equals(i.Item1, key));

    public void Add(TKey key, TValue value)
    {
        dictionary.Add(key, value);
        list.Add((key, value));
    }

    public void Add((TKey, TValue) item) => Add(item.Item1, item.Item2);
    public void Add(KeyValuePair<TKey, TValue> item) => Add(item.Key, item.Value);

    public void Insert(int index, (TKey, TValue) item)
    {
        dictionary.Add(item.Item1, item.Item2);
        list.Insert(index, item);
    }

    public bool Remove(TKey key)
    {
        if (!dictionary.Remove(key)) return false;
        list.RemoveAt(Place(key));
        return true;
    }

    public bool Remove((TKey, TValue) item) => Contains(item) && Remove(item.Item1);
    public bool Remove(KeyValuePair<TKey, TValue> item) => Contains(item) && Remove(item.Key);

    public void RemoveAt(int index)
    {
        dictionary.Remove(list[index].Item1);
        list.RemoveAt(index);
    }

    public void Clear()
    {
        dictionary.Clear();
        list.Clear();
    }

    /// <summary>The entries now; the dictionary may change while the copy is walked.</summary>
    internal (TKey, TValue)[] Snapshot() => [.. list];

    public void clear() => Clear();
    public bool ContainsKey(TKey key) => dictionary.ContainsKey(key);
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => dictionary.TryGetValue(key, out value);
    public bool Contains((TKey, TValue) item) => list.Contains(item);
    public bool Contains(KeyValuePair<TKey, TValue> item) => list.Contains((item.Key, item.Value));
    public int IndexOf((TKey, TValue) item) => list.IndexOf(item);
    public void CopyTo((TKey, TValue)[] array, int arrayIndex) => list.CopyTo(array, arrayIndex);

    public void CopyTo(KeyValuePair<TKey, TValue>[] array, int arrayIndex)
    {
        foreach (var (key, value) in list) array[arrayIndex++] = new(key, value);
    }

    public IEnumerator<(TKey, TValue)> GetEnumerator() => list.GetEnumerator();
    IEnumerator IEnumerable.GetEnumerator() => list.GetEnumerator();
    IEnumerator<KeyValuePair<TKey, TValue>> IEnumerable<KeyValuePair<TKey, TValue>>.GetEnumerator() =>
        list.Select(i => new KeyValuePair<TKey, TValue>(i.Item1, i.Item2)).GetEnumerator();
}
