using System.Text.Json;
using Microsoft.ML.Peft;
using Peft.Estimators.FineTune;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Persistence;

/// <summary>All that a saved step holds, and its form as one text: a line of JSON, then the model's package in base64.</summary>
internal sealed record SavedClassifier(TextClassifier Model, ClassifierColumns Columns, LabelValues Labels, BaseModelStorage Storage)
{
    private const int Version = 1;

    // 2^30 characters are what a .NET string holds; base64 takes four for three bytes.
    private const long MaxPackage = 700L << 20;

    /// <exception cref="PeftException">The package is longer than <paramref name="maxPackage"/> bytes.</exception>
    public string ToText(long maxPackage = MaxPackage)
    {
        var header = JsonSerializer.Serialize(new Header(
            Version, Columns.Input, Columns.PredictedLabel, Columns.Score, Labels.Kind.Name, Labels.Names, Storage.ToString()));
        using var package = new BoundedStream(maxPackage, TooLarge);
        Model.Save(package, includeBase: Storage == BaseModelStorage.Embedded);
        var bytes = package.GetBuffer().AsMemory(0, (int)package.Length);
        return string.Create(header.Length + 1 + Base64Length(bytes.Length), (header, bytes), static (text, parts) =>
        {
            parts.header.CopyTo(text);
            text[parts.header.Length] = '\n';
            Convert.TryToBase64Chars(parts.bytes.Span, text[(parts.header.Length + 1)..], out _);
        });
    }

    /// <exception cref="PeftException">The text is no saved model, or of a later version.</exception>
    public static SavedClassifier Read(ReadOnlyMemory<char> text, string? baseModelFolder = null)
    {
        var headerLength = text.Span.IndexOf('\n');
        if (headerLength < 0)
        {
            throw Damaged("it has no header");
        }

        var header = ReadHeader(text[..headerLength]);
        if (LabelKind.Named(header.LabelType) is not { } kind)
        {
            throw Damaged($"labels of type '{header.LabelType}' are unknown");
        }

        if (!Enum.TryParse<BaseModelStorage>(header.Storage, out var storage) || !Enum.IsDefined(storage))
        {
            throw Damaged($"storage '{header.Storage}' is unknown");
        }

        var model = TextClassifier.Load(ReadPackage(text[(headerLength + 1)..]), "saved model", baseModelFolder);
        if (!model.Labels.SequenceEqual(header.Labels))
        {
            model.Dispose();
            throw Damaged("its header and its model have different classes");
        }

        return new(model, new(header.Input, header.PredictedLabel, header.Score), new(kind, header.Labels), storage);
    }

    private static Header ReadHeader(ReadOnlyMemory<char> json)
    {
        Header? header;
        try
        {
            header = JsonSerializer.Deserialize<Header>(json.Span);
        }
        catch (JsonException error)
        {
            throw Damaged("its header is no JSON", error);
        }

        if (header is null || header.Version < 1 || header.Labels is null || header.LabelType is null
            || header.Input is null || header.PredictedLabel is null || header.Score is null)
        {
            throw Damaged("its header is incomplete");
        }

        return header.Version <= Version ? header : throw new PeftException(
            $"The saved model is of version {header.Version}; this Peft.Estimators reads up to version {Version}: update it.");
    }

    private static ReadOnlyMemory<byte> ReadPackage(ReadOnlyMemory<char> base64)
    {
        var bytes = new byte[(long)base64.Length / 4 * 3];
        return Convert.TryFromBase64Chars(base64.Span, bytes, out var length) ? bytes.AsMemory(0, length) : throw Damaged("its package is no base64");
    }

    private static int Base64Length(int bytes) => checked((bytes + 2) / 3 * 4);

    private static PeftException TooLarge(long limit)
        => new($"The model's package is larger than {limit >> 20} MB, which is what one file of ML.NET can hold; "
            + $"set {nameof(BaseModelStorage)} to {nameof(BaseModelStorage.Reference)}.");

    private static PeftException Damaged(string how, Exception? inner = null)
    {
        var message = $"The saved model is damaged: {how}.";
        return inner is null ? new(message) : new(message, inner);
    }

    private sealed record Header(
        int Version, string Input, string PredictedLabel, string Score, string LabelType, IReadOnlyList<string> Labels, string Storage);

    /// <summary>Refuses what is too long while it is written, not when memory is gone.</summary>
    private sealed class BoundedStream(long limit, Func<long, Exception> refuse) : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count)
        {
            Check(count);
            base.Write(buffer, offset, count);
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Check(buffer.Length);
            base.Write(buffer);
        }

        public override void WriteByte(byte value)
        {
            Check(1);
            base.WriteByte(value);
        }

        private void Check(int more)
        {
            if (Position + more > limit)
            {
                throw refuse(limit);
            }
        }
    }
}
