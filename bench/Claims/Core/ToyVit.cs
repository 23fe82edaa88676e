using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>A vision transformer of width 64, trained from nothing on <see cref="ToyPictures"/> of one kind or of both, and adapters on it for 1,000 pictures of the second kind.</summary>
internal sealed class ToyVit : IDisposable
{
    private const int Rows = 1000;
    private const int TestRows = 1800;
    private const int BatchSize = 32;
    private const int PretrainingBatchSize = 72;
    private const int RowsAtOnce = 256;

    private static readonly string[] s_layers =
        ["projection", "query", "key", "value", "q_proj", "k_proj", "v_proj", "o_proj", "dense", "fc1", "fc2", "layernorm_before", "layernorm_after", "layernorm", "classifier"];

    private readonly ToyFolder _folder;
    private readonly AdapterSet _trained;
    private readonly MergedWeights _merged;

    /// <summary>Trains it.</summary>
    /// <param name="layers">Count of blocks.</param>
    /// <param name="heads">Heads of a block.</param>
    /// <param name="seed">Seed of start and pictures.</param>
    /// <param name="steps">Steps of 72 pictures.</param>
    /// <param name="bothKinds">True to train on pictures of both kinds in turn, false for the first alone.</param>
    /// <param name="inner">Width of the feed-forward parts.</param>
    public ToyVit(int layers, int heads, int seed, int steps, bool bothKinds, int inner = 128)
    {
        var config = $$"""
            {"model_type": "vit", "hidden_size": 64, "intermediate_size": {{inner}}, "num_attention_heads": {{heads}}, "num_hidden_layers": {{layers}}, "patch_size": 4, "image_size": 16}
            """;
        random.manual_seed(seed);
        _folder = new ToyFolder(
            config,
            HeadKind.ImageClassification,
            ToyPictures.Classes.Count,
            (name, shape) => name.Contains("embeddings.position", StringComparison.Ordinal) || name.Contains("cls_token", StringComparison.Ordinal) ? randn(shape).mul_(0.3) : null);
        Model = PretrainedModel.Load(_folder.Path, HeadKind.ImageClassification, ToyPictures.Classes.Count);
        _trained = AdapterSet.Create("whole", null, Model.Backbone, new CopiedModules(s_layers, []), 0);
        Pretrain(seed, steps, bothKinds);
        _merged = _trained.Merge(); // it is the base model from now on
    }

    /// <summary>The model.</summary>
    public PretrainedModel Model { get; }

    /// <summary>A new adapter, with a copy of the classifier that is trained; that copy alone without a method.</summary>
    public AdapterSet New(AdapterOptions? options, int seed) => AdapterSet.Create("new", options, Model.Backbone, new CopiedModules(["classifier"], []), seed);

    /// <summary>The adapter of a file that another one was written to, with settings changed.</summary>
    public AdapterSet Again(AdapterSet adapter, Func<AdapterOptions, AdapterOptions> change, int seed)
    {
        var folder = Directory.CreateTempSubdirectory("peft-toy-vit-adapter-").FullName;
        try
        {
            AdapterCheckpoint.Write(adapter, folder, null, "toy");
            var again = New(change(AdapterCheckpoint.ReadOptions(folder)), seed);
            var numbers = adapter.Parameters().ToDictionary(p => p.FileName, p => p.Parameter);
            using var _ = no_grad();
            foreach (var (name, parameter) in again.Parameters())
            {
                parameter.copy_(numbers[name]);
            }

            return again;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Trains an adapter on 1,000 pictures of the second kind, or goes on with that.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="rate">Highest learning rate, from which it falls to 0 in a line over all epochs.</param>
    /// <param name="seed">Seed of pictures and order.</param>
    /// <param name="epochs">Epochs of the whole run.</param>
    /// <param name="from">Epoch to begin with.</param>
    /// <param name="to">Epoch to end before; null for the last.</param>
    public void Train(AdapterSet adapter, double rate, int seed, int epochs, int from = 0, int? to = null)
    {
        using var data = new Pictures(Rows, seed + 1000);
        using var context = ForwardContext.TrainingWith(seed, adapter);
        using var optimizer = new FlatAdamW(adapter.TrainedParameters(), 1e-4) { HighestLearningRate = rate };
        using var method = adapter.CreateTraining();
        var run = new Run(this, adapter, data, context, epochs, seed);
        if (method?.Begin(run) is not null)
        {
            throw new InvalidOperationException("Steps before the run are not part of these experiments.");
        }

        for (var epoch = from; epoch < (to ?? epochs); epoch++)
        {
            foreach (var (batch, k) in run.Epoch(epoch).Select((batch, k) => (batch, k)))
            {
                using var scope = NewDisposeScope();
                var step = (epoch * run.StepsPerEpoch) + k;
                var point = new TrainingPoint(step, run.TotalSteps, rate * (1 - ((double)step / run.TotalSteps)));
                run.Batch = batch;
                method?.BeforeForward(point);
                TrainingStep.Apply(run.Loss(), adapter, optimizer, method, point, 1);
            }
        }

        method?.Finish();
    }

    /// <summary>Right ones of 1,800 pictures of the second kind, in percent.</summary>
    public double Accuracy(AdapterSet? adapter, int seed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var data = new Pictures(TestRows, seed + 2000);
        using var context = adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(adapter);
        return 100.0 / TestRows * Enumerable.Range(0, TestRows).Select(k => (long)k).Chunk(RowsAtOnce).Sum(rows =>
        {
            using var inputs = new ModelInputs { Values = data.Pixels.index_select(0, tensor(rows)) };
            return Model.Forward(inputs, context).Logits.argmax(1).eq(data.Labels.index_select(0, tensor(rows))).sum().item<long>();
        });
    }

    /// <summary>One run of a new adapter from the first step to the last.</summary>
    /// <param name="options">The method.</param>
    /// <param name="rate">Highest learning rate.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="epochs">Epochs.</param>
    /// <returns>Accuracy in percent, the numbers that are trained at the end without the classifier, and the loss of the pictures that it was trained on.</returns>
    public (double Accuracy, long Trained, double Loss) Adapt(AdapterOptions? options, double rate, int seed, int epochs)
    {
        using var adapter = New(options, seed);
        Train(adapter, rate, seed, epochs);
        return (Accuracy(adapter, seed), adapter.TrainableCount - ((64 + 1) * ToyPictures.Classes.Count), LossOfTrained(adapter, seed));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _merged.Dispose();
        _trained.Dispose();
        Model.Dispose();
        _folder.Dispose();
    }

    private double LossOfTrained(AdapterSet adapter, int seed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var data = new Pictures(Rows, seed + 1000);
        using var context = ForwardContext.Predicting(adapter);
        using var inputs = new ModelInputs { Values = data.Pixels };
        return Model.Loss(inputs, new Targets(data.Labels), context).item<float>();
    }

    private void Pretrain(int seed, int steps, bool bothKinds)
    {
        var draws = new Random(seed);
        using var context = ForwardContext.TrainingWith(seed, _trained);
        using var optimizer = new FlatAdamW(_trained.TrainedParameters(), 0.01);
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            int[] classes = [.. Enumerable.Range(0, PretrainingBatchSize).Select(_ => draws.Next(ToyPictures.Classes.Count))];
            var half = bothKinds ? classes.Length / 2 : classes.Length;
            var first = ToyPictures.Draw(classes[..half], draws, shifted: false);
            using var inputs = new ModelInputs { Values = bothKinds ? cat([first, ToyPictures.Draw(classes[half..], draws, shifted: true)]) : first };
            var loss = Model.Loss(inputs, new Targets(tensor(Array.ConvertAll(classes, c => (long)c))), context);
            var rate = 1e-3 * Math.Min(1, (step + 1) / 50.0) * (1 - ((double)step / steps));
            TrainingStep.Apply(loss, _trained, optimizer, null, new TrainingPoint(step, steps, rate), 1);
        }
    }

    private sealed class Pictures : IDisposable
    {
        public Pictures(int count, int seed)
        {
            int[] classes = [.. Enumerable.Range(0, count).Select(k => k % ToyPictures.Classes.Count)];
            Pixels = ToyPictures.Draw(classes, new Random(seed), shifted: true).DetachFromDisposeScope();
            Labels = tensor(Array.ConvertAll(classes, c => (long)c)).DetachFromDisposeScope();
        }

        public Tensor Pixels { get; }

        public Tensor Labels { get; }

        public void Dispose()
        {
            Pixels.Dispose();
            Labels.Dispose();
        }
    }

    private sealed class Run(ToyVit vit, AdapterSet adapter, Pictures data, ForwardContext context, int epochs, int seed) : TrainingRun
    {
        public long[] Batch { get; set; } = [];

        public override long TotalSteps => StepsPerEpoch * epochs;

        public override long StepsPerEpoch => Rows / BatchSize; // the last ones of an epoch are left out

        public IEnumerable<long[]> Epoch(int epoch) => Order((seed * 1000) + epoch).Chunk(BatchSize).Take(Rows / BatchSize);

        public override Tensor Loss() => Loss(Batch, context);

        public override Tensor HeldBackLoss() => throw new NotSupportedException("No pictures are held back.");

        public override int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below)
        {
            using var predicting = ForwardContext.Predicting([.. below, adapter]);
            var batches = Order(seed).Chunk(batchSize).Take(mostBatches ?? int.MaxValue).ToList();
            foreach (var batch in batches)
            {
                using var scope = NewDisposeScope();
                use(Loss(batch, predicting));
            }

            return batches.Count;
        }

        private static long[] Order(int seed)
        {
            long[] order = [.. Enumerable.Range(0, Rows).Select(k => (long)k)];
            new Random(seed).Shuffle(order);
            return order;
        }

        private Tensor Loss(long[] rows, ForwardContext pass)
        {
            var index = tensor(rows);
            var inputs = new ModelInputs { Values = data.Pixels.index_select(0, index) };
            return vit.Model.Loss(inputs, new Targets(data.Labels.index_select(0, index)), pass);
        }
    }
}
