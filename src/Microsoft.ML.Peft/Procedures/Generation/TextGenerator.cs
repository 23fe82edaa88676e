using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures.Generation;

/// <summary>A language model with an optional adapter that continues or answers texts.</summary>
public sealed class TextGenerator : IDisposable
{
    private TextGenerator(PretrainedModel model, HuggingFaceTokenizer tokenizer, AdapterSet? adapter)
        => (Model, Tokenizer, Adapter) = (model, tokenizer, adapter);

    /// <summary>The base model.</summary>
    public PretrainedModel Model { get; }

    /// <summary>Turns texts into tokens and back.</summary>
    public HuggingFaceTokenizer Tokenizer { get; }

    /// <summary>The adapter, or null.</summary>
    public AdapterSet? Adapter { get; }

    /// <summary>Reads a model, and an adapter for it.</summary>
    /// <param name="baseModelFolder">Hugging Face folder: config.json, tokenizer.json, *.safetensors.</param>
    /// <param name="adapterFolder">Folder with adapter_config.json and adapter_model.safetensors, or null for the base model alone.</param>
    /// <exception cref="ModelFormatException">A folder is missing, not valid, or the adapter is for another model.</exception>
    /// <exception cref="PeftException">The architecture or the adapter method is not supported.</exception>
    public static TextGenerator Load(string baseModelFolder, string? adapterFolder = null)
    {
        var kind = ModelConfig.Load(baseModelFolder).Flag("is_encoder_decoder", false) ? HeadKind.SequenceToSequence : HeadKind.CausalLanguageModel;
        var tokenizer = HuggingFaceTokenizer.Load(baseModelFolder);
        var model = PretrainedModel.Load(baseModelFolder, kind);
        AdapterSet? adapter = null;
        try
        {
            if (tokenizer.VocabularySize > ((LanguageModelHead)model.Head).VocabularySize)
            {
                throw new ModelFormatException(
                    baseModelFolder,
                    ModelFormatError.VocabMismatch,
                    $"the tokenizer has {tokenizer.VocabularySize} tokens and the model a table of {((LanguageModelHead)model.Head).VocabularySize}; they do not belong together.");
            }

            if (adapterFolder is not null)
            {
                adapter = AdapterSet.Create(
                    "default", AdapterCheckpoint.ReadOptions(adapterFolder), model.Backbone, new CopiedModules([], []), seed: 0);
                AdapterCheckpoint.ReadTensors(adapter, adapterFolder);
            }

            return new TextGenerator(model, tokenizer, adapter);
        }
        catch
        {
            adapter?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>Continues, or with an encoder-decoder answers, each of some texts.</summary>
    /// <param name="prompts">The texts.</param>
    /// <param name="options">How tokens are chosen and when a text ends; null for the defaults.</param>
    /// <param name="onText">Called with each new piece of a text at once: its row and the characters that are now certain.</param>
    /// <param name="cancellation">Ends between two tokens.</param>
    /// <returns>The new text of each row, without the prompt.</returns>
    /// <exception cref="ArgumentException">A setting is outside its range, or a prompt gives no token.</exception>
    public string[] Generate(
        IReadOnlyList<string> prompts, GenerationOptions? options = null, Action<int, string>? onText = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        using var scope = NewDisposeScope();
        using var context = Adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(Adapter);
        var streams = prompts.Select(_ => new TextStream(Tokenizer)).ToArray();
        var ids = prompts.Select(prompt => Tokenizer.Encode(prompt).Ids).ToArray();
        var written = TokenGenerator.Generate(Model, ids, options ?? new(), context, onText is null ? null : Stream, cancellation);
        if (onText is not null)
        {
            for (var row = 0; row < streams.Length; row++)
            {
                Report(row, streams[row].Rest());
            }
        }

        return [.. written.Select(row => Tokenizer.Decode(row, skipSpecialTokens: true))];

        void Stream(GeneratedToken token) => Report(token.Row, streams[token.Row].Add(token.Token));

        void Report(int row, string piece)
        {
            if (piece.Length > 0)
            {
                onText!(row, piece);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Adapter?.Dispose();
        Model.Dispose();
    }
}
