using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>Messages of unknown sensitivity.</summary>
internal static class ChannelText
{
    public static void Trace(this IChannel channel, string message) => channel.Trace(MessageSensitivity.Unknown, message);

    public static void Info(this IChannel channel, string message) => channel.Info(MessageSensitivity.Unknown, message);
}
