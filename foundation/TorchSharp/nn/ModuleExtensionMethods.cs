using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Moving modules between devices and types, keeping their static type.</summary>
public static class ModuleExtensionMethods
{
    private static T As<T>(nn.Module moved, T module) where T : nn.Module => ReferenceEquals(moved, module) ? module : (T)moved;

    public static T to<T>(this T module, Device device, bool non_blocking = false) where T : nn.Module => As(module.Move(device, null, non_blocking), module);
    public static T to<T>(this T module, string device, bool non_blocking = false) where T : nn.Module => As(module.Move(new Device(device), null, non_blocking), module);
    public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false) where T : nn.Module =>
        As(module.Move(new Device(deviceType, deviceIndex), null, non_blocking), module);
    public static T to<T>(this T module, ScalarType type, bool non_blocking = false) where T : nn.Module => As(module.Move(null, type, non_blocking), module);
    public static T to<T>(this T module, Device device, ScalarType type, bool non_blocking = false) where T : nn.Module => As(module.Move(device, type, non_blocking), module);
    public static T to<T>(this T module, Tensor other, bool non_blocking = false) where T : nn.Module => As(module._to(other, non_blocking), module);
    public static T cpu<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(DeviceType.CPU, non_blocking: non_blocking);
    public static T cuda<T>(this T module, int deviceIndex = -1, bool non_blocking = false) where T : nn.Module => module.to(DeviceType.CUDA, deviceIndex, non_blocking);
    public static T half<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.Float16, non_blocking);
    public static T bfloat16<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.BFloat16, non_blocking);
    public static T @float<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.Float32, non_blocking);
    public static T @double<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.Float64, non_blocking);
    public static T cfloat<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.ComplexFloat32, non_blocking);
    public static T cdouble<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.ComplexFloat64, non_blocking);
}
