using System.Reflection;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Inputs;

/// <summary>A native library of the system that decodes pictures or sounds, under the names that it has on each system.</summary>
/// <remarks>Every caller of an import asks <see cref="Require"/> first: so the names are known before the runtime looks for them.</remarks>
internal sealed class SystemLibrary
{
    // What the imports call them.
    public const string TurboJpegName = "turbojpeg";
    public const string WebpName = "webp";
    public const string SndfileName = "sndfile";

    // Where Homebrew puts libraries, which the loader of macOS does not search. Before the libraries, which use it.
    private static readonly string[] HomebrewFolders = ["/opt/homebrew/lib", "/usr/local/lib", "/opt/homebrew/opt/jpeg-turbo/lib", "/usr/local/opt/jpeg-turbo/lib"];

    public static readonly SystemLibrary TurboJpeg = new(
        "Reading JPEG pictures", "libjpeg-turbo", "libturbojpeg0", ["libturbojpeg.so.0"], ["turbojpeg.dll", "libturbojpeg.dll"], ["libturbojpeg.0.dylib", "libturbojpeg.dylib"]);

    public static readonly SystemLibrary Webp = new(
        "Reading WebP pictures", "libwebp", "libwebp7", ["libwebp.so.7"], ["libwebp.dll", "webp.dll"], ["libwebp.7.dylib", "libwebp.dylib"]);

    public static readonly SystemLibrary Sndfile = new(
        "Reading sound files", "libsndfile", "libsndfile1", ["libsndfile.so.1"], ["sndfile.dll", "libsndfile-1.dll"], ["libsndfile.1.dylib", "libsndfile.dylib"]);

    private readonly string _use;
    private readonly string _project;
    private readonly string _debianPackage;
    private readonly string[] _names;
    private readonly Lazy<nint> _handle;

    static SystemLibrary() => NativeLibrary.SetDllImportResolver(typeof(SystemLibrary).Assembly, Resolve);

    private SystemLibrary(string use, string project, string debianPackage, string[] linux, string[] windows, string[] mac)
    {
        (_use, _project, _debianPackage) = (use, project, debianPackage);
        _names = OperatingSystem.IsWindows() ? windows
            : OperatingSystem.IsMacOS() ? [.. mac, .. HomebrewFolders.SelectMany(folder => mac.Select(name => Path.Combine(folder, name)))]
            : linux;
        _handle = new Lazy<nint>(Load);
    }

    /// <summary>Refuses to go on without the library.</summary>
    /// <exception cref="NotSupportedException">It was not found; the message says how to install it.</exception>
    public void Require()
    {
        if (_handle.Value == 0)
            throw new NotSupportedException(Missing(_names));
    }

    /// <summary>What is said where none of the names was found.</summary>
    internal string Missing(IEnumerable<string> names)
    {
        var install = OperatingSystem.IsWindows() ? $"put the DLL of {_project} beside the program or on the PATH"
            : OperatingSystem.IsMacOS() ? $"install {_project}, for example with Homebrew"
            : $"install {_project}, on Debian by 'apt-get install {_debianPackage}'";
        return $"{_use} needs the native library {names.First()}, which was not found; {install}.";
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name switch
    {
        TurboJpegName => TurboJpeg._handle.Value,
        WebpName => Webp._handle.Value,
        SndfileName => Sndfile._handle.Value,
        _ => 0, // not ours: found as usual
    };

    private nint Load()
    {
        foreach (var name in _names)
        {
            if (NativeLibrary.TryLoad(name, typeof(SystemLibrary).Assembly, null, out var handle))
                return handle;
        }
        return 0;
    }
}
