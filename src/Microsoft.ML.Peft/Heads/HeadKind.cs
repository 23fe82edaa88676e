namespace Microsoft.ML.Peft.Heads;

/// <summary>What a model computes on top of its backbone.</summary>
public enum HeadKind
{
    /// <summary>One score per class for a whole text: (batch, classes).</summary>
    SequenceClassification,

    /// <summary>One score per class for each token: (batch, length, classes).</summary>
    TokenClassification,

    /// <summary>A start and an end score for each token: 2 × (batch, length).</summary>
    QuestionAnswering,

    /// <summary>One score per vocabulary entry for each token, hidden tokens guessed: (batch, length, vocabulary).</summary>
    MaskedLanguageModel,

    /// <summary>One score per vocabulary entry for the token after each token: (batch, length, vocabulary).</summary>
    CausalLanguageModel,

    /// <summary>The same for the decoder of an encoder-decoder.</summary>
    SequenceToSequence,

    /// <summary>One score per class for an image: (batch, classes).</summary>
    ImageClassification,

    /// <summary>One score per class for a recording: (batch, classes).</summary>
    AudioClassification,

    /// <summary>One score per character for each frame, read by connectionist temporal classification: (batch, frames, characters).</summary>
    ConnectionistTemporalClassification,

    /// <summary>Similarity of each image with each text: (images, texts).</summary>
    Contrastive,

    /// <summary>The hidden states themselves: (batch, length, hidden).</summary>
    FeatureExtraction,
}
