using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Rows whose feature vector has other values in one slot, one for each row in reading order.</summary>
internal sealed class PermutedSlotView(IDataView source, DataViewSchema.Column features, int slot, float[] values) : DerivedView(source)
{
    // Row and value belong together only in one order.
    public override bool CanShuffle => false;

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null) =>
        new Cursor(Source.GetRowCursor(columnsNeeded), features.Index, slot, values);

    private sealed class Cursor(DataViewRowCursor input, int features, int slot, float[] values) : WrappedCursor(input)
    {
        private long _row = -1;

        public override bool MoveNext()
        {
            _row++;
            return Input.MoveNext();
        }

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (column.Index != features)
                return Input.GetGetter<TValue>(column);
            var getter = Input.GetGetter<VBuffer<float>>(column);
            VBuffer<float> read = default;
            return Getters.As<TValue>((ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
            {
                getter(ref read);
                Contracts.Check(slot < read.Length && _row < values.Length, "The rows are not those that were permuted");
                var editor = VBufferEditor.Create(ref value, read.Length);
                read.CopyTo(editor.Values);
                editor.Values[slot] = values[_row];
                value = editor.Commit();
            }));
        }
    }
}
