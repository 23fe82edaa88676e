using Microsoft.ML;
using Microsoft.ML.Data;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Tests;

/// <summary>The transformer's data view: lazy, in batches, and else like the view below it.</summary>
[TestClass]
public sealed class TransformTests
{
    private const int Count = 101; // more than three batches, and no whole number of them

    private static readonly MLContext Ml = new(seed: 1);
    private static readonly PeftFineTuneTransformer Model = Models.Untrained(Ml);

    [TestMethod]
    public void Batches_give_what_a_prediction_engine_gives_row_by_row()
    {
        var rows = Data.Rows(Count);
        using var engine = Ml.Model.CreatePredictionEngine<Row, PredictedKey>(Model, new PredictionEngineOptions { OwnsTransformer = false });

        var batched = Ml.Data.CreateEnumerable<PredictedKey>(Model.Transform(Data.View(Ml, Count)), reuseRowObject: false).ToArray();

        Assert.AreEqual(Count, batched.Length);
        for (var i = 0; i < Count; i++)
        {
            var single = engine.Predict(rows[i]);
            Models.AssertClose(single.Score, batched[i].Score);
            Assert.AreEqual(single.PredictedLabel, batched[i].PredictedLabel, $"row {i}");
            Assert.AreEqual(1f, batched[i].Score.Sum(), 1e-5f);
            Assert.AreEqual(Array.IndexOf(single.Score, single.Score.Max()) + 1, (int)single.PredictedLabel);
        }
    }

    [TestMethod]
    public void The_schema_names_the_classes()
    {
        var schema = Model.GetOutputSchema(Data.View(Ml, 1).Schema);

        var score = schema["Score"];
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 3), score.Type);
        var slots = default(VBuffer<ReadOnlyMemory<char>>);
        score.GetSlotNames(ref slots);
        CollectionAssert.AreEqual(Data.Sections, slots.DenseValues().Select(name => name.ToString()).ToArray());
        Assert.AreEqual("MulticlassClassification", Text(score, "ScoreColumnKind"));
        Assert.AreEqual("Score", Text(score, "ScoreValueKind"));

        var predicted = schema["PredictedLabel"];
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 3), predicted.Type);
        var values = default(VBuffer<ReadOnlyMemory<char>>);
        predicted.GetKeyValues(ref values);
        CollectionAssert.AreEqual(Data.Sections, values.DenseValues().Select(name => name.ToString()).ToArray());
        Assert.AreEqual("PredictedLabel", Text(predicted, "ScoreValueKind"));
    }

    [TestMethod]
    public void A_second_prediction_has_another_set_of_scores()
    {
        var once = Model.GetOutputSchema(Data.View(Ml, 1).Schema);
        var twice = Model.GetOutputSchema(once);

        Assert.AreEqual(1u, SetId(once["Score"]));
        Assert.AreEqual(1u, SetId(once["PredictedLabel"]));
        Assert.AreEqual(2u, SetId(twice["Score"]));
    }

    [TestMethod]
    public void Other_columns_pass_through_with_their_rows()
    {
        var rows = Data.Rows(Count);
        var view = Model.Transform(new ProbeView(rows));
        using var cursor = view.GetRowCursor(view.Schema);
        var getId = cursor.GetGetter<int>(view.Schema["Id"]);
        var getSize = cursor.GetGetter<VBuffer<float>>(view.Schema["Size"]);
        var getScore = cursor.GetGetter<VBuffer<float>>(view.Schema["Score"]);
        var getRowId = cursor.GetIdGetter();
        Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<float>(view.Schema["Score"]), "another type");
        var kept = new List<VBuffer<float>>();
        var (id, rowId) = (0, default(DataViewRowId));

        for (var i = 0; i < Count; i++)
        {
            Assert.IsTrue(cursor.MoveNext());
            Assert.AreEqual(i, cursor.Position);
            Assert.AreEqual(i / 10, cursor.Batch);
            getId(ref id);
            getRowId(ref rowId);
            var (size, score) = (default(VBuffer<float>), default(VBuffer<float>));
            getSize(ref size);
            getScore(ref score);
            kept.Add(size);
            Assert.AreEqual(i, id);
            Assert.AreEqual(new DataViewRowId((ulong)i, 7), rowId);
            Assert.AreEqual(3, score.Length);
        }

        Assert.IsFalse(cursor.MoveNext());
        Assert.IsFalse(cursor.MoveNext());
        Assert.AreEqual(-1, cursor.Position);
        for (var i = 0; i < Count; i++)
        {
            CollectionAssert.AreEqual(rows[i].Size, kept[i].DenseValues().ToArray(), "a value that was given out must not change later");
        }
    }

    [TestMethod]
    public void Nothing_is_predicted_for_readers_of_other_columns()
    {
        using var model = Models.Untrained(Ml);
        var probe = new ProbeView(Data.Rows(5));
        var view = model.Transform(probe);
        model.Dispose(); // a prediction would now fail

        using var cursor = view.GetRowCursor([view.Schema["Id"]]);
        var getId = cursor.GetGetter<int>(view.Schema["Id"]);
        Assert.IsTrue(cursor.MoveNext());
        var id = -1;
        getId(ref id);

        Assert.AreEqual(0, id);
        CollectionAssert.AreEqual(new[] { "Id" }, probe.Asked);
        Assert.AreEqual(1, probe.Moves);
        Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<VBuffer<float>>(view.Schema["Score"]));
    }

    [TestMethod]
    public void Making_the_view_and_a_cursor_reads_no_row()
    {
        var probe = new ProbeView(Data.Rows(5));
        var view = Model.Transform(probe);
        using var cursor = view.GetRowCursor([view.Schema["Score"]]);

        Assert.AreEqual(0, probe.Moves);
        CollectionAssert.AreEqual(new[] { "Description" }, probe.Asked);
        Assert.AreEqual(5L, view.GetRowCount());
        Assert.IsTrue(view.CanShuffle);
    }

    [TestMethod]
    public void Few_rows_are_read_for_those_who_want_few()
    {
        var probe = new ProbeView(Data.Rows(200));

        Ml.Data.CreateEnumerable<PredictedKey>(Ml.Data.TakeRows(Model.Transform(probe), 3), reuseRowObject: false).ToArray();

        Assert.IsLessThanOrEqualTo(32, probe.Moves);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Cursor_sets_are_read_on_many_threads(int cursors)
    {
        var view = Model.Transform(new ProbeView(Data.Rows(Count)));
        var expected = Read(view, view.GetRowCursor(view.Schema));

        var set = view.GetRowCursorSet(view.Schema, cursors);
        var parts = new Dictionary<int, float[]>[set.Length];
        Parallel.For(0, set.Length, k => parts[k] = Read(view, set[k]));

        Assert.AreEqual(cursors, set.Length);
        var all = parts.SelectMany(part => part).ToDictionary();
        CollectionAssert.AreEquivalent(expected.Keys, all.Keys);
        foreach (var (id, score) in expected)
        {
            Models.AssertClose(score, all[id]);
        }
    }

    [TestMethod]
    public void Shuffling_is_left_to_the_view_below()
    {
        var view = Model.Transform(new ProbeView(Data.Rows(Count)));
        var straight = Read(view, view.GetRowCursor(view.Schema));
        var shuffled = Read(view, view.GetRowCursor(view.Schema, new Random(5)));

        CollectionAssert.AreNotEqual(straight.Keys, shuffled.Keys);
        foreach (var (id, score) in straight)
        {
            Models.AssertClose(score, shuffled[id]);
        }
    }

    [TestMethod]
    [DataRow(new[] { 0.2f, 0.5f, 0.3f }, 2u)]
    [DataRow(new[] { 0.4f, 0.4f, 0.2f }, 1u)]
    [DataRow(new[] { float.NaN, 0.1f, 0.2f }, 3u)]
    [DataRow(new[] { float.NaN, float.NaN }, 0u)]
    public void The_key_is_the_likeliest_class(float[] scores, uint key) => Assert.AreEqual(key, ClassifierMapper.Key(scores));

    private static Dictionary<int, float[]> Read(IDataView view, DataViewRowCursor cursor)
    {
        var schema = view.Schema;
        var scores = new Dictionary<int, float[]>();
        using (cursor)
        {
            var getId = cursor.GetGetter<int>(schema["Id"]);
            var getScore = cursor.GetGetter<VBuffer<float>>(schema["Score"]);
            var (id, score) = (0, default(VBuffer<float>));
            while (cursor.MoveNext())
            {
                getId(ref id);
                getScore(ref score);
                scores.Add(id, [.. score.DenseValues()]);
            }
        }

        return scores;
    }

    private static string Text(DataViewSchema.Column column, string annotation)
    {
        var value = default(ReadOnlyMemory<char>);
        column.Annotations.GetValue(annotation, ref value);
        return value.ToString();
    }

    private static uint SetId(DataViewSchema.Column column)
    {
        var id = 0u;
        column.Annotations.GetValue(AnnotationNames.ScoreColumnSetId, ref id);
        return id;
    }
}
