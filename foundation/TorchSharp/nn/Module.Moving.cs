using System.Reflection;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            protected virtual Module _to(Device device, ScalarType dtype, bool non_blocking)
            {
                if (!is_floating_point(dtype) && !is_complex(dtype)) throw new ArgumentException("nn.Module.to only accepts floating point or complex types, but got: " + dtype, nameof(dtype));
                foreach (var child in _internal_submodules.values()) child._to(device, dtype, non_blocking);
                _toEpilog(dtype, device, non_blocking);
                return this;
            }

            protected virtual Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking)
            {
                foreach (var child in _internal_submodules.values()) child._to(deviceType, deviceIndex, non_blocking);
                _toEpilog(deviceType, deviceIndex, non_blocking);
                return this;
            }

            protected virtual Module _to(ScalarType dtype, bool non_blocking)
            {
                if (!is_floating_point(dtype) && !is_complex(dtype)) throw new ArgumentException("nn.Module.to only accepts floating point or complex types, but got: " + dtype, nameof(dtype));
                foreach (var child in _internal_submodules.values()) child._to(dtype, non_blocking);
                _toEpilog(dtype, non_blocking);
                return this;
            }

            internal Module Move(Device? device, ScalarType? dtype, bool non_blocking) =>
                device is null ? _to(dtype!.Value, non_blocking)
                : dtype is { } type ? _to(device, type, non_blocking) : _to(device.type, device.index, non_blocking);

            public Module _to(Tensor other, bool non_blocking) => _to(other.device, other.dtype, non_blocking);

            protected void _toEpilog(ScalarType dtype, bool non_blocking) => _toEpilog(dtype, null, non_blocking);
            protected void _toEpilog(Device device, ScalarType dtype, bool non_blocking) => _toEpilog((ScalarType?)dtype, device, non_blocking);
            protected void _toEpilog(DeviceType deviceType, int deviceIndex, bool non_blocking) => _toEpilog(null, new Device(deviceType, deviceIndex), non_blocking);

            /// <summary>Replaces own parameters and buffers by moved ones, in the fields that hold them too.</summary>
            protected virtual void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
            {
                foreach (var (key, p) in _internal_params.Snapshot())
                {
                    if (p is null || !ReplaceParameter(dtype, device, p, out var moved)) continue;
                    _internal_params[key] = moved;
                    Swap(p, moved);
                }
                foreach (var (key, (buffer, persistent)) in _internal_buffers.Snapshot())
                {
                    if (buffer is null || !ReplaceBuffer(dtype, device, buffer, out var moved)) continue;
                    _internal_buffers[key] = (moved, persistent);
                    Swap(buffer, moved);
                }
                if (device is null) return;
                _deviceType = device.type;
                _deviceIndex = device.index;
            }

            // Fields that hold the old tensor, private ones of base classes too, get the new one.
            private void Swap(Tensor old, Tensor moved)
            {
                for (var type = GetType(); type is not null && type != typeof(Module); type = type.BaseType)
                    foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                        if (typeof(Tensor).IsAssignableFrom(field.FieldType) && ReferenceEquals(field.GetValue(this), old)) field.SetValue(this, moved);
            }

            private static bool Stays(Tensor t, ScalarType? dtype, Device? device) =>
                (dtype is null || dtype == t.dtype) && (device is null || device.type == t.device_type && (device.index == t.device_index || device.type != DeviceType.CUDA));

            protected static bool ReplaceParameter(ScalarType? dtype, Device? device, Parameter param, out Parameter p)
            {
                if (Stays(param, dtype, device))
                {
                    p = param;
                    return false;
                }
                bool train = param.requires_grad;
                using var gradient = param.grad;
                using (no_grad())
                {
                    var moved = param.to(dtype ?? param.dtype, device ?? param.device);
                    p = new Parameter(moved, train);
                    p.DetachFromDisposeScope();
                    if (gradient is not null)
                    {
                        using var g = gradient.to(dtype ?? gradient.dtype, device ?? gradient.device);
                        p.grad = g;
                    }
                }
                param.Dispose();
                return true;
            }

            protected static bool ReplaceBuffer(ScalarType? dtype, Device? device, Tensor buffer, out Tensor result)
            {
                // Counters and masks keep their type.
                var wanted = buffer.is_floating_point() || buffer.is_complex() ? dtype : null;
                if (Stays(buffer, wanted, device))
                {
                    result = buffer;
                    return false;
                }
                using (no_grad()) result = buffer.to(wanted ?? buffer.dtype, device ?? buffer.device).DetachFromDisposeScope();
                buffer.Dispose();
                return true;
            }

            protected static (Device device, ScalarType dtype) GetDefaultDeviceAndType(Device? device = null, ScalarType? dtype = null) =>
                (device ?? get_default_device(), dtype ?? get_default_dtype());
        }
    }
}
