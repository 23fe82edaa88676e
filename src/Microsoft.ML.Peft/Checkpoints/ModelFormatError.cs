namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>What is wrong with a model file.</summary>
public enum ModelFormatError
{
    /// <summary>The file ends before its 8-byte length field.</summary>
    HeaderTooSmall,

    /// <summary>The length field names a header beyond 100 MB.</summary>
    HeaderTooLarge,

    /// <summary>The length field names a header that reaches beyond the end of the file.</summary>
    InvalidHeaderLength,

    /// <summary>Text that must be UTF-8 is not.</summary>
    InvalidUtf8,

    /// <summary>Text that must be JSON is not, or its outermost value has the wrong kind.</summary>
    InvalidJson,

    /// <summary>A name appears twice.</summary>
    DuplicateKey,

    /// <summary>The metadata of a file is not a table of strings.</summary>
    InvalidMetadata,

    /// <summary>A required field is missing, has the wrong kind or is unknown.</summary>
    InvalidEntry,

    /// <summary>A number type that this library does not read.</summary>
    UnsupportedDtype,

    /// <summary>Tensor data overlaps, leaves a hole or has an impossible position.</summary>
    InvalidOffset,

    /// <summary>A size does not fit 64 bits.</summary>
    Overflow,

    /// <summary>A stated size differs from the size that follows from shape and number type.</summary>
    SizeMismatch,

    /// <summary>The file has fewer or more bytes than its header describes.</summary>
    IncompleteBuffer,

    /// <summary>A count, depth or size is beyond what this library accepts from a file.</summary>
    LimitExceeded,

    /// <summary>A name is too long or has control characters.</summary>
    InvalidName,

    /// <summary>The path is a folder, a device, a pipe or a link to nothing.</summary>
    NotRegularFile,

    /// <summary>A required file is not there.</summary>
    MissingFile,

    /// <summary>A required tensor is not there.</summary>
    MissingTensor,

    /// <summary>A tensor is there that nothing asks for.</summary>
    UnexpectedTensor,

    /// <summary>A tensor has another shape than the model needs.</summary>
    ShapeMismatch,

    /// <summary>A file name in a model points outside the model's folder.</summary>
    PathEscape,

    /// <summary>An index names a weight file that is not there.</summary>
    MissingShard,

    /// <summary>Token ids are negative, repeated or beyond what the model holds.</summary>
    VocabMismatch,

    /// <summary>A merge rule names a token that the vocabulary lacks.</summary>
    InvalidMerge,

    /// <summary>A feature of the format that this library does not have.</summary>
    Unsupported,

    /// <summary>A format that can run code when it is read, which this library never does.</summary>
    UnsafeFormat,

    /// <summary>The file was written by a newer version of this library.</summary>
    VersionTooNew,

    /// <summary>The content differs from the recorded hash.</summary>
    HashMismatch,
}
