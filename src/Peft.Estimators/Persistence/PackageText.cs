using Microsoft.ML.Peft;

namespace Peft.Estimators.Persistence;

/// <summary>The form of a saved step as one text: a line of JSON, then the model's package in base64.</summary>
internal static class PackageText
{
    // 2^30 characters are what a .NET string holds; base64 takes four for three bytes.
    public const long MaxPackage = 700L << 20;

    /// <exception cref="PeftException">The package is longer than <paramref name="maxPackage"/> bytes.</exception>
    public static string Of(string header, Action<Stream> save, long maxPackage = MaxPackage)
    {
        using var package = new BoundedStream(maxPackage, TooLarge);
        save(package);
        var bytes = package.GetBuffer().AsMemory(0, (int)package.Length);
        return string.Create(header.Length + 1 + Base64Length(bytes.Length), (header, bytes), static (text, parts) =>
        {
            parts.header.CopyTo(text);
            text[parts.header.Length] = '\n';
            Convert.TryToBase64Chars(parts.bytes.Span, text[(parts.header.Length + 1)..], out _);
        });
    }

    /// <summary>The line of JSON, and the package in base64.</summary>
    /// <exception cref="PeftException">The text has no line.</exception>
    public static (ReadOnlyMemory<char> Header, ReadOnlyMemory<char> Package) Split(ReadOnlyMemory<char> text)
        => text.Span.IndexOf('\n') is >= 0 and var length ? (text[..length], text[(length + 1)..]) : throw Damaged("it has no header");

    /// <exception cref="PeftException">The text is no base64.</exception>
    public static ReadOnlyMemory<byte> Bytes(ReadOnlyMemory<char> base64)
    {
        var bytes = new byte[(long)base64.Length / 4 * 3];
        return Convert.TryFromBase64Chars(base64.Span, bytes, out var length) ? bytes.AsMemory(0, length) : throw Damaged("its package is no base64");
    }

    public static PeftException Damaged(string how, Exception? inner = null)
    {
        var message = $"The saved model is damaged: {how}.";
        return inner is null ? new(message) : new(message, inner);
    }

    private static int Base64Length(int bytes) => checked((bytes + 2) / 3 * 4);

    private static PeftException TooLarge(long limit)
        => new($"The model's package is larger than {limit >> 20} MB, which is what one file of ML.NET can hold; "
            + $"set {nameof(BaseModelStorage)} to {nameof(BaseModelStorage.Reference)}.");

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
