using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>Contexts of single trials: seeded and set up like the experiment's, heard in its log.</summary>
internal sealed class ChildContexts(MLContext main)
{
    private readonly IChannel _channel = ((IChannelProvider)main).Start($"{nameof(AutoMLExperiment)}-ChildContext");

    public MLContext Create()
    {
        var child = new MLContext(((ISeededEnvironment)main).Seed)
        {
            GpuDeviceId = main.GpuDeviceId,
            FallbackToCpu = main.FallbackToCpu,
            TempFilePath = main.TempFilePath,
        };
        child.Log += (_, e) => _channel.Send(new ChannelMessage(e.Kind, MessageSensitivity.Unknown, e.Message));
        return child;
    }
}
