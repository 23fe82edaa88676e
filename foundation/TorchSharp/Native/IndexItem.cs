using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>One index as the native side sees it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IndexItem
{
    internal const long None = 0, Ellipsis = 1, Integer = 2, Boolean = 3, Slice = 4, Tensor = 5;
    internal const long Absent = long.MinValue;

    internal long Kind, Start, Stop, Step;
    internal nint Handle;
}
