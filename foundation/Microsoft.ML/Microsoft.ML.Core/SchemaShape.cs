using System.Collections;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>What is known of a schema before any data is seen.</summary>
public sealed class SchemaShape : IReadOnlyList<SchemaShape.Column>
{
    private readonly Column[] _columns;

    public SchemaShape(IEnumerable<Column> columns)
    {
        Contracts.CheckValue(columns, nameof(columns));
        _columns = columns.ToArray();
        Contracts.CheckParam(_columns.All(c => c.Name is not null), nameof(columns), "Some items are not initialized properly.");
    }

    internal static SchemaShape Empty { get; } = new([]);

    public int Count => _columns.Length;

    public Column this[int index] => _columns[index];

    public IEnumerator<Column> GetEnumerator() => ((IEnumerable<Column>)_columns).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The shape of a real schema: its visible columns.</summary>
    internal static SchemaShape Create(DataViewSchema schema)
    {
        Contracts.CheckValue(schema, nameof(schema));
        var columns = new List<Column>();
        foreach (var column in schema)
        {
            if (column.IsHidden)
                continue;
            var annotations = new List<Column>();
            foreach (var a in column.Annotations.Schema)
            {
                Describe(a.Type, out var kind, out var item, out bool isKey);
                annotations.Add(new Column(a.Name, kind, item, isKey));
            }
            Describe(column.Type, out var vector, out var itemType, out bool key);
            columns.Add(new Column(column.Name, vector, itemType, key, new SchemaShape(annotations)));
        }
        return new SchemaShape(columns);
    }

    internal static void Describe(DataViewType type, out Column.VectorKind kind, out DataViewType itemType, out bool isKey)
    {
        if (type is VectorDataViewType vector)
        {
            kind = vector.IsKnownSize ? Column.VectorKind.Vector : Column.VectorKind.VariableVector;
            itemType = vector.ItemType;
        }
        else
        {
            kind = Column.VectorKind.Scalar;
            itemType = type;
        }
        isKey = itemType is KeyDataViewType;
        if (isKey)
            itemType = DataKinds.FromRawType(itemType.RawType)!.Value.ToType();
    }

    internal bool TryFindColumn(string name, out Column column)
    {
        foreach (var c in _columns)
        {
            if (c.Name == name)
            {
                column = c;
                return true;
            }
        }
        column = default;
        return false;
    }

    /// <summary>The shape with these columns put in or replaced by name.</summary>
    internal SchemaShape With(IEnumerable<Column> changed)
    {
        var all = new List<Column>(_columns);
        foreach (var c in changed)
        {
            int at = all.FindIndex(x => x.Name == c.Name);
            if (at >= 0)
                all[at] = c;
            else
                all.Add(c);
        }
        return new SchemaShape(all);
    }

    /// <summary>What is known of one column.</summary>
    public struct Column
    {
        public readonly string Name;
        public readonly VectorKind Kind;
        public readonly DataViewType ItemType;
        public readonly bool IsKey;
        public readonly SchemaShape Annotations;

        internal Column(string name, VectorKind vecKind, DataViewType itemType, bool isKey, SchemaShape annotations = null)
        {
            Contracts.CheckNonEmpty(name, nameof(name));
            Contracts.CheckValue(itemType, nameof(itemType));
            Name = name;
            Kind = vecKind;
            ItemType = itemType;
            IsKey = isKey;
            Annotations = annotations ?? Empty;
        }

        internal bool HasSlotNames =>
            Annotations.TryFindColumn("SlotNames", out var names) && names.Kind != VectorKind.Scalar && names.ItemType is TextDataViewType;

        internal string TypeText()
        {
            string item = IsKey ? $"Key<{ItemType}>" : ItemType.ToString();
            return Kind switch
            {
                VectorKind.Vector => $"Vector<{item}>",
                VectorKind.VariableVector => $"VarVector<{item}>",
                _ => item,
            };
        }

        /// <summary>Scalar, vector of known or of unknown size.</summary>
        public enum VectorKind
        {
            Scalar,
            Vector,
            VariableVector,
        }
    }
}
