using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>Finds the class of a picture by the texts that name the classes, with a model of pictures and texts such as CLIP.</summary>
/// <remarks>
/// <para><c>logits = scale·f·tᵀ</c>: f the vector of the picture, of length 1; t_c the mean over the templates of the vectors of the class's texts, each of
/// length 1, brought to length 1 again.</para>
/// <para>No classifier is trained: other class names make another one. With an adapter it predicts what <see cref="FewShotTraining"/> has taught that adapter.</para>
/// <para>Source: Radford et al. 2021, arXiv:2103.00020, §3.1.</para>
/// </remarks>
public sealed class ZeroShotClassifier : IDisposable
{
    private const int RowsAtOnce = 256;

    private readonly int[][] _texts; // ids, the templates of a class together
    private readonly int _padId;
    private readonly Lock _making = new();
    private Tensor? _vectors; // of the classes, for predictions

    /// <summary>Makes a classifier; model and adapter stay the caller's.</summary>
    /// <param name="model">A model with the head <see cref="HeadKind.Contrastive"/>.</param>
    /// <param name="prompts">Classes and templates.</param>
    /// <param name="encode">Gives the ids of a text, those at its ends included.</param>
    /// <param name="padId">The id that fills short rows up.</param>
    /// <param name="adapter">The adapter, or null for the bare model.</param>
    /// <param name="logitScale">Factor of the similarities, above 0; null for the model's own, <c>e^s</c>. CLIP-SVD has 100.</param>
    /// <exception cref="ArgumentException">The model is of another kind, or a text is too long or empty.</exception>
    public ZeroShotClassifier(PretrainedModel model, ClassPrompts prompts, Func<string, int[]> encode, int padId, AdapterSet? adapter = null, double? logitScale = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(encode);
        Encoder = model.Backbone as ImageTextEncoder
            ?? throw new ArgumentException($"The model of type '{model.Backbone.Config.ModelType}' does not compare pictures with texts; load a CLIP model as {HeadKind.Contrastive}.", nameof(model));
        LogitScale = logitScale ?? Math.Exp(Encoder.LogitScale.item<float>());
        Guard.Positive(LogitScale, nameof(logitScale));
        (Prompts, Adapter, _padId) = (prompts, adapter, padId);
        _texts = [.. prompts.Texts.Select(encode)];
        for (var k = 0; k < _texts.Length; k++)
        {
            if (_texts[k].Length == 0 || _texts[k].Length > Encoder.MaxLength)
            {
                throw new ArgumentException($"The text '{prompts.Texts[k]}' has {_texts[k].Length} tokens; this model takes 1 to {Encoder.MaxLength}.", nameof(prompts));
            }
        }
    }

    /// <summary>Classes and templates.</summary>
    public ClassPrompts Prompts { get; }

    /// <summary>The adapter, or null.</summary>
    public AdapterSet? Adapter { get; }

    /// <summary>Factor of the similarities.</summary>
    public double LogitScale { get; }

    internal ImageTextEncoder Encoder { get; }

    /// <summary>Vectors of the classes (classes, width), each of length 1.</summary>
    public Tensor ClassVectors(ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        var device = Encoder.LogitScale.device;
        var vectors = new List<Tensor>();
        foreach (var rows in _texts.Chunk(RowsAtOnce))
        {
            using var batch = new TokenBatch(rows, _padId, device: device);
            context.Enter(new ModelInputs { Tokens = batch });
            vectors.Add(Contrastive.Unit(Encoder.EncodeTexts(batch, context)));
        }

        return Contrastive.Unit(cat(vectors).view(Prompts.Classes.Count, Prompts.Templates.Count, -1).mean([1L])).MoveToOuterDisposeScope();
    }

    /// <summary>Logits (pictures, classes).</summary>
    /// <param name="pixels">(pictures, channels, height, width).</param>
    /// <param name="classVectors">What <see cref="ClassVectors"/> gives.</param>
    /// <param name="context">The call's context.</param>
    public Tensor Logits(Tensor pixels, Tensor classVectors, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(classVectors);
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        context.Enter(new ModelInputs { Values = pixels });
        return Contrastive.Unit(Encoder.EncodeImages(pixels, context)).mm(classVectors.t()).mul(LogitScale).MoveToOuterDisposeScope();
    }

    /// <summary>Probabilities of the classes (pictures, classes). The vectors of the classes are computed once; see <see cref="Refresh"/>. Safe on several threads at once.</summary>
    /// <param name="pixels">(pictures, channels, height, width).</param>
    public Tensor Predict(Tensor pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var context = Adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(Adapter);
        Tensor vectors;
        lock (_making) // by one of the threads that predict
        {
            vectors = _vectors ??= ClassVectors(context).DetachFromDisposeScope();
        }

        var rows = new List<Tensor>();
        for (long from = 0; from < pixels.size(0); from += RowsAtOnce)
        {
            rows.Add(Logits(pixels.narrow(0, from, Math.Min(RowsAtOnce, pixels.size(0) - from)), vectors, context).softmax(1));
        }

        return rows.Count == 0 ? zeros([0, Prompts.Classes.Count], device: pixels.device).MoveToOuterDisposeScope() : cat(rows).MoveToOuterDisposeScope();
    }

    /// <summary>Share of the pictures whose most probable class is the right one.</summary>
    /// <param name="pixels">(pictures, channels, height, width), at least one.</param>
    /// <param name="labels">Class of each picture, from 0.</param>
    public double Accuracy(Tensor pixels, IReadOnlyList<int> labels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Count == 0 || pixels.size(0) != labels.Count)
        {
            throw new ArgumentException($"There are {pixels.size(0)} pictures and {labels.Count} labels; give one label for each picture, and at least one.", nameof(labels));
        }

        using var scope = NewDisposeScope();
        var found = Predict(pixels).argmax(1).cpu().data<long>().ToArray();
        return found.Where((c, k) => c == labels[k]).Count() / (double)labels.Count;
    }

    /// <summary>Forgets the vectors of the classes: to be called when the adapter has changed.</summary>
    public void Refresh()
    {
        _vectors?.Dispose();
        _vectors = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Refresh();
}
