using System.Globalization;
using System.Numerics;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Schema;

/// <summary>A type that the values of a label may have, and all that is done with values of that type.</summary>
internal abstract class LabelKind
{
    private static readonly LabelKind[] All =
    [
        new TextKind(),
        new BooleanKind(),
        new NumberKind<sbyte>(NumberDataViewType.SByte),
        new NumberKind<byte>(NumberDataViewType.Byte),
        new NumberKind<short>(NumberDataViewType.Int16),
        new NumberKind<ushort>(NumberDataViewType.UInt16),
        new NumberKind<int>(NumberDataViewType.Int32),
        new NumberKind<uint>(NumberDataViewType.UInt32),
        new NumberKind<long>(NumberDataViewType.Int64),
        new NumberKind<ulong>(NumberDataViewType.UInt64),
        new NumberKind<float>(NumberDataViewType.Single),
        new NumberKind<double>(NumberDataViewType.Double),
    ];

    /// <summary>For the labels whose keys have no values: they are counted from 0, as ML.NET shows keys.</summary>
    public static LabelKind Counted => Of(NumberDataViewType.UInt32)!;

    public abstract PrimitiveDataViewType Type { get; }

    /// <summary>How a saved model calls the type.</summary>
    public string Name => Type.ToString()!;

    public static LabelKind? Of(DataViewType type) => All.FirstOrDefault(kind => kind.Type.Equals(type));

    public static LabelKind? Named(string name) => All.FirstOrDefault(kind => kind.Name == name);

    /// <summary>The values of a key column, as text that <see cref="Table"/> and <see cref="Annotate"/> read back exactly.</summary>
    public abstract string[] ReadKeyValues(DataViewSchema.Column column);

    public abstract void Annotate(DataViewSchema.Annotations.Builder builder, string annotation, IReadOnlyList<string> names);

    public abstract void AnnotateShape(SchemaDefinition.Column column, string annotation);

    public abstract TableColumn Table(string column, IReadOnlyList<string> names);

    private abstract class Typed<T>(PrimitiveDataViewType type) : LabelKind
    {
        public sealed override PrimitiveDataViewType Type => type;

        public sealed override string[] ReadKeyValues(DataViewSchema.Column column)
        {
            var values = default(VBuffer<T>);
            column.GetKeyValues(ref values);
            return values.DenseValues().Select(Format).ToArray();
        }

        public sealed override void Annotate(DataViewSchema.Annotations.Builder builder, string annotation, IReadOnlyList<string> names)
        {
            var values = new VBuffer<T>(names.Count, Parse(names));
            builder.Add(annotation, new VectorDataViewType(type, names.Count), (ref VBuffer<T> target) => values.CopyTo(ref target));
        }

        // A shape knows types, not values; two stand for any number.
        public sealed override void AnnotateShape(SchemaDefinition.Column column, string annotation)
            => column.AddAnnotation(annotation, new VBuffer<T>(2, new T[2]), new VectorDataViewType(type, 2));

        public sealed override TableColumn Table(string column, IReadOnlyList<string> names)
            => new TableColumn<T>(column, type, Parse(names));

        protected abstract string Format(T value);

        protected abstract T Parse(string name);

        private T[] Parse(IReadOnlyList<string> names) => names.Select(Parse).ToArray();
    }

    private sealed class TextKind() : Typed<ReadOnlyMemory<char>>(TextDataViewType.Instance)
    {
        protected override string Format(ReadOnlyMemory<char> value) => value.ToString();

        protected override ReadOnlyMemory<char> Parse(string name) => name.AsMemory();
    }

    private sealed class BooleanKind() : Typed<bool>(BooleanDataViewType.Instance)
    {
        protected override string Format(bool value) => value.ToString();

        protected override bool Parse(string name) => bool.Parse(name);
    }

    private sealed class NumberKind<T>(PrimitiveDataViewType type) : Typed<T>(type)
        where T : struct, INumber<T>
    {
        protected override string Format(T value) => value.ToString(null, CultureInfo.InvariantCulture);

        protected override T Parse(string name) => T.Parse(name, CultureInfo.InvariantCulture);
    }
}
