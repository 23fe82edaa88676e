using System.Globalization;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>A decoder of width 128, trained from nothing on sentences of four grammars, and adapters on it for one of them that has shifted: a quarter of its contexts have other followers (<see cref="ToyGrammar"/>).</summary>
internal sealed class ToyDecoder : IDisposable
{
    private const double Shift = 0.25;
    private const int Length = 32;
    private const int BatchSize = 16;
    private const int TestRows = 256;
    private const int RowsAtOnce = 64;

    private static readonly string[] s_layers =
        ["embed_tokens", "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "input_layernorm", "post_attention_layernorm", "norm", "lm_head"];

    private readonly ToyFolder _folder;
    private readonly AdapterSet _trained;
    private readonly MergedWeights _merged;
    private readonly ToyGrammar _other;

    /// <summary>Trains it.</summary>
    /// <param name="layers">Count of blocks.</param>
    /// <param name="inner">Width of the feed-forward parts.</param>
    /// <param name="seed">Seed of start values and grammars.</param>
    /// <param name="steps">Steps of 16 sentences of 32 tokens.</param>
    public ToyDecoder(int layers, int inner, int seed, int steps)
    {
        var config = string.Create(CultureInfo.InvariantCulture, $$"""
            {"model_type": "llama", "hidden_size": 128, "intermediate_size": {{inner}}, "num_attention_heads": 4, "num_key_value_heads": 4, "num_hidden_layers": {{layers}},
             "vocab_size": {{ToyGrammar.Tokens}}, "max_position_embeddings": {{Length}}, "tie_word_embeddings": false, "rms_norm_eps": 1e-5, "hidden_act": "silu"}
            """);
        random.manual_seed(seed);
        _folder = new ToyFolder(config, HeadKind.CausalLanguageModel, null, (_, _) => null);
        Model = PretrainedModel.Load(_folder.Path, HeadKind.CausalLanguageModel);
        _trained = AdapterSet.Create("whole", null, Model.Backbone, new CopiedModules(s_layers, []), 0);
        var draws = new Random(seed);
        var mixture = ToyGrammar.Mixture(draws);
        Train(_trained, mixture, draws, 2e-3, seed, steps, decay: 0.01, warmup: 50);
        _other = mixture[0].Shifted(Shift, draws);
        _merged = _trained.Merge(); // it is the base model from now on
    }

    /// <summary>The model.</summary>
    public PretrainedModel Model { get; }

    /// <summary>What a model does on sentences of the shifted grammar that it has not seen.</summary>
    /// <param name="Loss">Cross-entropy a token.</param>
    /// <param name="Accuracy">Share of next tokens that are the likeliest by the model, in percent.</param>
    /// <param name="Trained">Trained numbers.</param>
    public sealed record Outcome(double Loss, double Accuracy, long Trained);

    /// <summary>A new adapter.</summary>
    public AdapterSet New(AdapterOptions options, int seed) => AdapterSet.Create("new", options, Model.Backbone, new CopiedModules([], []), seed);

    /// <summary>Trains an adapter on sentences of the shifted grammar, each seen once.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="rate">Highest learning rate, from which it falls to 0 in a line.</param>
    /// <param name="seed">Seed of the sentences.</param>
    /// <param name="steps">Steps of 16 sentences.</param>
    public void Adapt(AdapterSet adapter, double rate, int seed, int steps) => Train(adapter, [_other], new Random(seed + 1000), rate, seed, steps, decay: 0, warmup: 10);

    /// <summary>Training passes without steps, for what an adapter counts while it is trained.</summary>
    public void Pass(AdapterSet adapter, int seed, int passes)
    {
        using var _ = no_grad();
        using var context = ForwardContext.TrainingWith(seed, adapter);
        var draws = new Random(seed + 3000);
        for (var pass = 0; pass < passes; pass++)
        {
            using var scope = NewDisposeScope();
            using var tokens = new TokenBatch(ToyGrammar.Draw([_other], BatchSize, Length, draws), 0);
            using var inputs = new ModelInputs { Tokens = tokens };
            Model.Loss(inputs, Of(tokens), context);
        }
    }

    /// <summary>Loss and accuracy on 256 sentences of the shifted grammar.</summary>
    public Outcome Evaluate(AdapterSet? adapter, int seed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var context = adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(adapter);
        var (loss, right) = (0.0, 0.0);
        foreach (var rows in ToyGrammar.Draw([_other], TestRows, Length, new Random(seed + 2000)).Chunk(RowsAtOnce))
        {
            using var tokens = new TokenBatch(rows, 0);
            using var inputs = new ModelInputs { Tokens = tokens };
            var output = Model.Forward(inputs, context);
            loss += Model.Head.Loss(output, Of(tokens)).item<float>() * rows.Length / TestRows;
            var ids = tokens.Ids.view(rows.Length, Length);
            right += 100.0 * output.Logits.narrow(1, 0, Length - 1).argmax(2).eq(ids.narrow(1, 1, Length - 1)).sum().item<long>() / (TestRows * (Length - 1));
        }

        return new(loss, right, adapter?.TrainableCount ?? 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _merged.Dispose();
        _trained.Dispose();
        Model.Dispose();
        _folder.Dispose();
    }

    private void Train(AdapterSet adapter, IReadOnlyList<ToyGrammar> grammars, Random draws, double highest, int seed, int steps, double decay, int warmup)
    {
        using var context = ForwardContext.TrainingWith(seed, adapter);
        using var optimizer = new FlatAdamW(adapter.TrainedParameters(), decay) { HighestLearningRate = highest };
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            using var tokens = new TokenBatch(ToyGrammar.Draw(grammars, BatchSize, Length, draws), 0);
            using var inputs = new ModelInputs { Tokens = tokens };
            var rate = highest * Math.Min(1, (step + 1.0) / warmup) * (1 - ((double)step / steps));
            TrainingStep.Apply(Model.Loss(inputs, Of(tokens), context), adapter, optimizer, null, new TrainingPoint(step, steps, rate), 1);
        }
    }

    private static Targets Of(TokenBatch tokens) => new(tokens.Ids.view(tokens.Rows, tokens.Length));
}
