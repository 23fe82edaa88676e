using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Trainable tokens: some rows of an embedding table are trained, all others stay.</summary>
/// <remarks>
/// <para><c>e(i) = D[k]</c> for the k-th chosen token i, else <c>E[i]</c>. An output layer that shares the table gives the scores of the chosen
/// tokens with the same rows.</para>
/// <para>Shapes: E (V, d); D (n, d). Trains n·d numbers. Starts as the identity: D are the rows of E.</para>
/// <para>Source: HF PEFT (no paper).</para>
/// </remarks>
public sealed class TrainableTokens : EmbeddingAdapter
{
    private readonly Parameter _rows; // (n, d)
    private readonly Tensor _ids;     // (n)
    private readonly Tensor _places;  // (V): place of a token in D, −1 for others
    private readonly string _prefix;

    private TrainableTokens(EmbeddingLayer target, IReadOnlyList<int> ids, AdapterBuild build, string prefix, bool random)
        : base(target)
    {
        Check(Path, ids, target.Rows);
        _prefix = prefix;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var device = target.Weight.device;
        _ids = tensor(ids.Select(id => (long)id).ToArray(), device: device).DetachFromDisposeScope();
        var places = new long[target.Rows];
        Array.Fill(places, -1);
        for (var k = 0; k < ids.Count; k++)
        {
            places[ids[k]] = k;
        }

        _places = tensor(places, device: device).DetachFromDisposeScope();
        _rows = Trainable(random
            ? build.Initialization.Normal(1, ids.Count, target.Weight.size(1))
            : target.Weight.index_select(0, _ids).to(ScalarType.Float32));
        register_parameter("trainable_tokens_delta", _rows);
        register_buffer("ids", _ids, persistent: false);
        register_buffer("places", _places, persistent: false);
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => _prefix + parameter;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight.index_copy(0, _ids, InTypeOf(weight, _rows));

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor ids, EmbeddingCall below)
    {
        var frozen = below.Forward(ids);
        var places = _places.index_select(0, ids);
        var chosen = places.ge(0).unsqueeze(-1);
        return InTypeOf(frozen, _rows.index_select(0, places.clamp_min(0))).where(chosen, frozen);
    }

    internal static IEnumerable<Adapter> Create(TokenIndices tokens, AdapterBuild build, string prefix, bool random = false)
    {
        var layers = TargetSelection.Named(build.Backbone.Layers, null);
        var tables = tokens.Ids is { } ids
            ? [(Under(layers, build.Backbone.InputEmbedding ?? throw new PeftException($"A model of type '{build.Backbone.Config.ModelType}' has no input embedding.")), ids)]
            : tokens.ByTable!.Select(entry => (Named(layers, entry.Key), (IReadOnlyList<int>)entry.Value)).ToArray();
        foreach (var (table, chosen) in tables)
        {
            if (table is LinearLayer scores)
            {
                yield return new TrainableOutputs(scores, chosen, build, prefix, random);
                continue;
            }

            var part = new TrainableTokens((EmbeddingLayer)table, chosen, build, prefix, random);
            yield return part;
            foreach (var output in layers.OfType<LinearLayer>().Where(l => l.Weight is TiedWeight tied && tied.Table.Index == table.Index))
            {
                yield return new Output(output, part);
            }
        }
    }

    /// <summary>Refuses ids that a table of a count of rows does not have.</summary>
    /// <exception cref="PeftException">There are such ids, or none at all.</exception>
    internal static void Check(string path, IReadOnlyList<int> ids, long rows)
    {
        if (ids.Count == 0 || ids.Any(id => id < 0 || id >= rows) || ids.Distinct().Count() < ids.Count)
        {
            throw new PeftException($"The trainable tokens of '{path}' are {string.Join(", ", ids)}; they must be different ids from 0 to {rows - 1}, at least one.");
        }
    }

    private static Layer Under(LayerList layers, EmbeddingLayer table) => layers[table.Index];

    private static Layer Named(LayerList layers, string name)
    {
        var tables = layers.Where(layer => layer is EmbeddingLayer or LinearLayer { ScoresVocabulary: true }).ToList();
        return tables.FirstOrDefault(l => l.Path == name || l.Path.EndsWith("." + name, StringComparison.Ordinal)) switch
        {
            LinearLayer { Weight: TiedWeight tied } shared => throw new PeftException(
                $"'{shared.Path}' shares the table of '{tied.Table.Path}', whose tokens give the scores too; name that one."),
            { } table => table,
            null => throw new PeftException(
                $"The model has no embedding or output layer of tokens called '{name}'; it has {string.Join(", ", tables.Select(l => l.Path))}."),
        };
    }

    /// <summary>The scores of the chosen tokens, where the output layer shares the table.</summary>
    private sealed class Output(LinearLayer target, TrainableTokens tokens) : LinearAdapter(target)
    {
        protected internal override bool MergesByItself => false; // the table is merged, and this layer computes with it

        protected internal override IEnumerable<(string Name, Tensor Tensor)> Companions
            => tokens._prefix.Length == 0 ? [("trainable_tokens_delta", tokens._rows)] : [];

        protected internal override Tensor Materialize(Tensor weight) => tokens.Materialize(weight);

        protected internal override Tensor Forward(Tensor x, LayerCall below)
        {
            var bias = below.Bias()?.index_select(0, tokens._ids);
            var scores = nn.functional.linear(x, InTypeOf(x, tokens._rows), bias is null ? null : InTypeOf(x, bias));
            return below.Forward(x).index_copy(-1, tokens._ids, scores);
        }
    }
}

/// <summary>Settings of <see cref="TrainableTokens"/>.</summary>
[AdapterMethod(
    "TRAINABLE_TOKENS", AdapterFamily.Selective, Title = "Trainable tokens", Paper = "HF PEFT", Formula = "rows of the embedding", Trained = "tokens·dim",
    InHuggingFace = true, Merges = true)]
public sealed record TrainableTokensOptions : AdapterOptions
{
    /// <summary>The tokens: different ids below the size of the vocabulary.</summary>
    [JsonPropertyName("token_indices")]
    public IReadOnlyList<int> TokenIndices { get; init; } = [];

    /// <summary>True to start with the rows of the base, false with random ones. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool InitWeights { get; init; } = true;

    /// <inheritdoc/>
    protected internal override bool HasTargets => false;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (TokenIndices.Count == 0)
        {
            throw new ArgumentException("TokenIndices is empty; name the tokens whose rows are trained.");
        }
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => TrainableTokens.Create(
            TargetModules?.Names is { Count: > 0 } names
                ? new(names.ToDictionary(name => name, _ => TokenIndices.ToArray()))
                : new(TokenIndices),
            build,
            "",
            !InitWeights);
}
