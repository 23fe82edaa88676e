using System.Diagnostics;

namespace Microsoft.ML.Runtime;

/// <summary>The environment behind an MLContext, and each host registered in it.</summary>
internal sealed class HostEnvironment : IHost, ISeededEnvironment
{
    private readonly HostEnvironment _root;
    private readonly string _name;
    private readonly Lock _lock = new();
    private volatile bool _canceled;

    /// <summary>A root environment.</summary>
    public HostEnvironment(int? seed)
    {
        _root = this;
        Seed = seed;
        Rand = HybridTausworthe.Create(seed);
        ComponentCatalog = new ComponentCatalog();
    }

    private HostEnvironment(HostEnvironment root, string name, Random rand)
    {
        _root = root;
        _name = name;
        Rand = rand;
        Seed = root.Seed;
        ComponentCatalog = root.ComponentCatalog;
    }

    /// <summary>Hears every message of every channel: source, message.</summary>
    public Action<string, ChannelMessage> Listener { get; set; }

    public string TempFilePath { get; set; } = Path.GetTempPath();

    /// <summary>Asks what runs under this environment to end.</summary>
    public void Cancel() => _root._canceled = true;

    /// <summary>Ends what runs here by an exception if that was asked for; trainers call it between steps.</summary>
    public static void CheckAlive(IHostEnvironment env)
    {
        if (env is HostEnvironment { _root._canceled: true })
            throw new OperationCanceledException("Operation was canceled.");
    }

    public ComponentCatalog ComponentCatalog { get; }

    public Random Rand { get; }

    public int? Seed { get; }

    public string ContextDescription => _name;

    public TException Process<TException>(TException ex) where TException : Exception => ex;

    public IHost Register(string name, int? seed = null, bool? verbose = null)
    {
        Contracts.CheckNonEmpty(name, nameof(name));
        lock (_lock)
            return new HostEnvironment(_root, name, seed is int s ? HybridTausworthe.Create(s) : new HybridTausworthe(Rand));
    }

    public IChannel Start(string name)
    {
        Contracts.CheckNonEmpty(name, nameof(name));
        return new Channel(_root, _name is null ? name : $"{_name}; {name}");
    }

    public IPipe<TMessage> StartPipe<TMessage>(string name)
    {
        Contracts.CheckNonEmpty(name, nameof(name));
        return new SilentPipe<TMessage>(name);
    }

    public IProgressChannel StartProgressChannel(string name)
    {
        Contracts.CheckNonEmpty(name, nameof(name));
        return new SilentProgress();
    }

    private sealed class Channel : IChannel
    {
        private readonly HostEnvironment _root;
        private readonly string _source;
        private readonly Stopwatch _watch = Stopwatch.StartNew();
        private bool _disposed;

        public Channel(HostEnvironment root, string source)
        {
            _root = root;
            _source = source;
            Send(ChannelMessageKind.Trace, MessageSensitivity.None, "Channel started");
        }

        public string ContextDescription => _source;

        public TException Process<TException>(TException ex) where TException : Exception => ex;

        public void Send(ChannelMessage msg) => _root.Listener?.Invoke(_source, msg);

        private void Send(ChannelMessageKind kind, MessageSensitivity sensitivity, string fmt, object[] args = null) =>
            Send(new ChannelMessage(kind, sensitivity, fmt, args));

        public void Trace(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Trace, sensitivity, fmt);

        public void Trace(MessageSensitivity sensitivity, string fmt, params object[] args) => Send(ChannelMessageKind.Trace, sensitivity, fmt, args);

        public void Info(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Info, sensitivity, fmt);

        public void Info(MessageSensitivity sensitivity, string fmt, params object[] args) => Send(ChannelMessageKind.Info, sensitivity, fmt, args);

        public void Warning(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Warning, sensitivity, fmt);

        public void Warning(MessageSensitivity sensitivity, string fmt, params object[] args) =>
            Send(ChannelMessageKind.Warning, sensitivity, fmt, args);

        public void Error(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Error, sensitivity, fmt);

        public void Error(MessageSensitivity sensitivity, string fmt, params object[] args) => Send(ChannelMessageKind.Error, sensitivity, fmt, args);

        public void Dispose()
        {
            if (_disposed)
                return;
            _disposed = true;
            Send(ChannelMessageKind.Trace, MessageSensitivity.None, "Channel finished. Elapsed {0:c}.", [_watch.Elapsed]);
            Send(ChannelMessageKind.Trace, MessageSensitivity.None, "Channel disposed");
        }
    }

    /// <summary>Nobody can listen to pipes of an MLContext.</summary>
    private sealed class SilentPipe<TMessage>(string name) : IPipe<TMessage>
    {
        public string ContextDescription => name;

        public TException Process<TException>(TException ex) where TException : Exception => ex;

        public void Send(TMessage msg)
        {
        }

        public void Dispose()
        {
        }
    }

    /// <summary>Nobody reads progress under an MLContext, so nothing is kept of it.</summary>
    private sealed class SilentProgress : IProgressChannel
    {
        public void SetHeader(ProgressHeader header, Action<IProgressEntry> fillAction)
        {
            Contracts.CheckValue(header, nameof(header));
            Contracts.CheckValue(fillAction, nameof(fillAction));
        }

        public void Checkpoint(params double?[] values)
        {
        }

        public IProgressChannel StartProgressChannel(string name) => new SilentProgress();

        public void Dispose()
        {
        }
    }
}
