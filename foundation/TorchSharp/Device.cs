using System.Globalization;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Where tensors live.</summary>
    public class Device
    {
        public DeviceType type { get; }
        /// <summary>Number of the device of its kind; -1 for the CPU and for "the current one".</summary>
        public int index { get; }

        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            // libtorch itself counts META and CPU devices as having no number.
            this.index = deviceType == DeviceType.CUDA && index < 0 ? 0 : index;
        }

        public Device(string deviceType, int index = -1) : this(Parse(deviceType, out int own), index < 0 ? own : index) { }

        public Device(string description) : this(description, -1) { }

        public Device(int index) : this(DeviceType.CUDA, index) { }

        private static DeviceType Parse(string description, out int index)
        {
            ArgumentNullException.ThrowIfNull(description);
            int colon = description.IndexOf(':');
            index = -1;
            if (colon >= 0 && !int.TryParse(description.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out index))
                throw new ArgumentException($"'{description}' is no device: what follows the colon must be a number, as in 'cuda:0'.", nameof(description));
            var kind = (colon < 0 ? description : description[..colon]).ToLowerInvariant();
            return kind switch
            {
                "cpu" => DeviceType.CPU,
                "cuda" => DeviceType.CUDA,
                "meta" => DeviceType.META,
                "mps" => DeviceType.MPS,
                _ => throw new ArgumentException($"'{description}' is no device; known are cpu, cuda, cuda:<number>, meta, mps.", nameof(description)),
            };
        }

        internal long Packed => ((long)index << 32) | (uint)(int)type;

        internal static Device Unpack(long packed) => packed == -1L << 32 ? CPU : new((DeviceType)(int)packed, (int)(packed >> 32));

        public static implicit operator Device(string description) => new(description);

        public override string ToString() => index < 0 || type == DeviceType.CPU ? type.ToString().ToLowerInvariant() : $"{type.ToString().ToLowerInvariant()}:{index}";
    }

    public static readonly Device CPU = new(DeviceType.CPU);
    public static readonly Device META = new(DeviceType.META);
    public static Device CUDA => new(DeviceType.CUDA);
    public static Device MPS => new(DeviceType.MPS);

    public static Device device(string description) => new(description);
    public static Device device(string deviceType, int index = -1) => new(deviceType, index);
    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);
    public static Device device(int index) => new(index);

    private static Device? defaultDevice;
    public static Device get_default_device() => defaultDevice ?? CPU;
    public static void set_default_device(Device device) => defaultDevice = device;
    public static void set_default_device(string device) => defaultDevice = new Device(device);

    public static bool TryInitializeDeviceType(DeviceType deviceType) =>
        deviceType is DeviceType.CPU or DeviceType.META || deviceType == DeviceType.CUDA && cuda.is_available();

    public static void InitializeDeviceType(DeviceType deviceType)
    {
        if (!TryInitializeDeviceType(deviceType))
            throw new InvalidOperationException($"Torch device type {deviceType} did not initialise on the current machine.");
    }

    public static Device InitializeDevice(Device? device)
    {
        var d = device ?? get_default_device();
        InitializeDeviceType(d.type);
        return d;
    }
}
