using Microsoft.ML.Peft.Inputs.Audio;
using Microsoft.ML.Peft.Inputs.Batching;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;
using Microsoft.ML.Peft.Tests.Inputs.Vision;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Batches depend on rows, seed and epoch, not on threads; nothing runs far ahead or is left behind.</summary>
[TestClass]
public sealed class BatchLoaderTests
{
    private static readonly LoaderOptions Small = new() { BatchSize = 4, BatchesInPool = 3, BatchesAhead = 2 };

    [TestMethod]
    public void Texts_are_the_same_for_any_number_of_threads()
    {
        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", "bert-uncased"));
        var texts = Enumerable.Range(0, 203).Select(n => string.Join(' ', Enumerable.Range(n, 1 + (n * 7 % 23)).Select(w => $"word{w}"))).ToList();
        foreach (var rows in new[] { texts, texts.Select(t => t) }) // a list and a stream
        {
            var runs = new[] { 1, 4, 4 }.Select(threads => Enumerable.Range(0, 2).Select(epoch =>
                new BatchLoader<string, int[]>(rows, (text, _) => tokenizer.Encode(text).Ids, ids => ids.Length, Small with { Threads = threads, Seed = 3 }).Epoch(epoch)
                    .Select(batch => string.Join('|', batch.Select(ids => string.Join(',', ids)))).ToArray()).ToArray()).ToArray();
            for (var epoch = 0; epoch < 2; epoch++)
            {
                CollectionAssert.AreEqual(runs[0][epoch], runs[1][epoch]);
                CollectionAssert.AreEqual(runs[0][epoch], runs[2][epoch]);
                Assert.AreEqual(203, runs[0][epoch].Sum(batch => batch.Count(c => c == '|') + 1));
            }
            CollectionAssert.AreNotEqual(runs[0][0], runs[0][1]);
            CollectionAssert.AreEquivalent(runs[0][0].SelectMany(b => b.Split('|')).ToArray(), runs[0][1].SelectMany(b => b.Split('|')).ToArray());
        }
    }

    [TestMethod]
    public void Augmented_pictures_are_the_same_for_any_number_of_threads()
    {
        var augmentation = new ImageAugmentation { RandAugmentOperations = 2, Brightness = 0.3 };
        var paths = ImageCases.Of("decode").Select(c => ImageCases.PathOf(c.GetProperty("file").GetString()!)).ToList();
        var runs = new[] { 1, 4 }.Select(threads => new BatchLoader<string, string>(
            paths, (path, random) => Convert.ToBase64String(augmentation.Apply(RgbImage.Load(path), new(16, 16), Resampling.Bilinear, random).ToRgb24()),
            options: Small with { Threads = threads }).Epoch(5).Select(b => string.Join(' ', b)).ToArray()).ToArray();
        CollectionAssert.AreEqual(runs[0], runs[1]);
        Assert.HasCount((paths.Count + 3) / 4, runs[0]);
    }

    [TestMethod]
    public void Sounds_of_about_one_length_come_together()
    {
        var processor = new SampleProcessor(8000);
        var loader = new BatchLoader<int, AudioFeatures>(
            Enumerable.Range(0, 120), (n, random) => processor.Process(AudioClip.FromSamples(new float[100 + random.Next(1000)], 8000)), f => f.Length,
            Small with { BatchesInPool = 30 });
        var batches = loader.Epoch(0).ToList();
        Assert.HasCount(30, batches);
        // 120 lengths in one pool: neighbours in order of length are about 8 apart, rows drawn at random would be hundreds apart.
        Assert.IsLessThan(100, batches.Average(b => b.Max(f => f.Length) - b.Min(f => f.Length)));
    }

    [TestMethod]
    public void Without_shuffling_the_order_stays()
    {
        var loader = new BatchLoader<int, int>(Enumerable.Range(0, 10).ToList(), (n, _) => n, options: Small with { Shuffle = false, DropLast = true });
        Assert.AreEqual("0,1,2,3 4,5,6,7", string.Join(' ', loader.Epoch(0).Select(b => string.Join(',', b))));
    }

    [TestMethod]
    public void No_more_rows_are_read_than_the_look_ahead_allows()
    {
        var read = 0;
        IEnumerable<int> Rows()
        {
            while (true)
                yield return Interlocked.Increment(ref read);
        }
        var taken = 0;
        foreach (var row in LookAhead.Map(Rows(), (n, _) => n, threads: 3, capacity: 5))
        {
            Assert.AreEqual(++taken, row);
            Thread.Sleep(2);
            // The row that waits for room has been read, too.
            Assert.IsLessThanOrEqualTo(taken + 5 + 1, Volatile.Read(ref read));
            if (taken == 50)
                break; // ends the endless sequence
        }
        var after = Volatile.Read(ref read);
        Thread.Sleep(20);
        Assert.AreEqual(after, Volatile.Read(ref read));
    }

    [TestMethod]
    public void Errors_come_where_their_rows_would()
    {
        var taken = new List<int>();
        var error = Assert.ThrowsExactly<InvalidDataException>(() =>
        {
            foreach (var row in LookAhead.Map(Enumerable.Range(0, 100), (n, _) => n == 7 ? throw new InvalidDataException("row 7") : n, 4, 8))
                taken.Add(row);
        });
        Assert.AreEqual("row 7", error.Message);
        CollectionAssert.AreEqual(Enumerable.Range(0, 7).ToArray(), taken);

        IEnumerable<int> Broken()
        {
            yield return 1;
            throw new IOException("the disk");
        }
        Assert.ThrowsExactly<IOException>(() => LookAhead.Map(Broken(), (n, _) => n, 2, 2).ToList());
        using var cancelled = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() =>
        {
            foreach (var _ in LookAhead.Map(Enumerable.Range(0, 100_000), (n, _) => n, 2, 2, cancelled.Token))
                cancelled.Cancel();
        });
    }

    [TestMethod]
    public void Results_that_nobody_took_are_disposed_of()
    {
        var (made, freed) = (0, 0);
        foreach (var _ in LookAhead.Map(Enumerable.Range(0, 100), (_, _) =>
        {
            Interlocked.Increment(ref made);
            return new Disposable(() => Interlocked.Increment(ref freed));
        }, 2, 6))
        {
            Thread.Sleep(50);
            break;
        }
        Assert.IsGreaterThan(0, freed);
        Assert.AreEqual(made - 1, freed);
    }

    [TestMethod]
    public void Settings_are_checked()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new BatchLoader<int, int>([1], (n, _) => n, options: new() { BatchSize = 0 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new BatchLoader<int, int>([1], (n, _) => n, options: new() { Threads = 0 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => LookAhead.Map([1], (n, _) => n, 1, 0));
    }

    private sealed class Disposable(Action dispose) : IDisposable
    {
        public void Dispose() => dispose();
    }
}
