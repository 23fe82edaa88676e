using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The columns of a row class, which may be changed before they are used.</summary>
public sealed class SchemaDefinition : List<SchemaDefinition.Column>
{
    private SchemaDefinition()
    {
    }

    /// <summary>Whether columns are read from objects, written to them, or both.</summary>
    [Flags]
    public enum Direction
    {
        Read = 1,
        Write = 2,
        Both = Read | Write,
    }

    public Column this[string columnName]
    {
        get
        {
            Contracts.CheckNonEmpty(columnName, nameof(columnName));
            return Find(c => c.ColumnName == columnName);
        }
        set
        {
            Contracts.CheckValue(value, nameof(value));
            if (value.ColumnName != columnName)
                throw Contracts.ExceptParam(nameof(columnName), $"The column name is specified as '{columnName}' but must match the name '{value.ColumnName}' of the column");
            int index = FindIndex(c => c.ColumnName == columnName);
            if (index >= 0)
                this[index] = value;
            else
                Add(value);
        }
    }

    public static SchemaDefinition Create(Type userType, Direction direction = Direction.Both)
    {
        Contracts.CheckValue(userType, nameof(userType));
        var definition = new SchemaDefinition();
        var names = new HashSet<string>();
        foreach (var (member, name) in MemberTypes.ColumnsOf(userType, direction))
        {
            if (!names.Add(name))
                throw Contracts.ExceptParam(nameof(userType), $"Duplicate column name '{name}' detected, this is disallowed");
            definition.Add(new Column(member.Name, MemberTypes.ColumnTypeOf(member), name));
        }
        return definition;
    }

    /// <summary>One column of a definition.</summary>
    public sealed class Column
    {
        private DataViewSchema.Annotations.Builder _annotations = new();

        internal Column(string memberName, DataViewType columnType, string columnName)
        {
            MemberName = memberName;
            ColumnType = columnType;
            ColumnName = columnName ?? memberName;
        }

        public string MemberName { get; }

        public string ColumnName { get; set; }

        public DataViewType ColumnType { get; set; }

        public DataViewSchema.Annotations Annotations => _annotations.ToAnnotations();

        public void AddAnnotation<T>(string kind, T value, DataViewType annotationType)
        {
            Contracts.CheckNonEmpty(kind, nameof(kind));
            Contracts.CheckValue(annotationType, nameof(annotationType));
            var fresh = new DataViewSchema.Annotations.Builder();
            fresh.Add(Annotations, name => name != kind);
            if (annotationType is VectorDataViewType)
                Getters.Call<object>(Getters.Method(typeof(Column), nameof(AddVector)), annotationType.RawType.GetGenericArguments()[0], fresh, kind, value, annotationType);
            else
                fresh.Add(kind, annotationType, (ref T destination) => destination = value);
            _annotations = fresh;
        }

        internal void SetAnnotations(DataViewSchema.Annotations annotations)
        {
            _annotations = new DataViewSchema.Annotations.Builder();
            _annotations.Add(annotations, _ => true);
        }

        private static object AddVector<TItem>(DataViewSchema.Annotations.Builder builder, string kind, object value, DataViewType type)
        {
            var vector = (VBuffer<TItem>)value;
            builder.Add(kind, type, (ref VBuffer<TItem> destination) => vector.CopyTo(ref destination));
            return null;
        }
    }
}
