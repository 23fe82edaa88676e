using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>WAV, FLAC, OGG and MP3 through libsndfile, from memory.</summary>
internal static unsafe partial class SoundFile
{
    private const int ReadMode = 0x10;
    private const int SamplesAtOnce = 1 << 16;

    public static AudioClip Decode(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.IsEmpty)
            throw new InputFormatException(name, "the file is empty; it must be a WAV, FLAC, OGG or MP3 sound.");
        SystemLibrary.Sndfile.Require();
        fixed (byte* start = bytes)
        {
            var memory = new Memory { Start = start, Length = bytes.Length };
            var calls = new Calls { Length = &LengthOf, Seek = &Seek, Read = &Read, Write = &Write, Tell = &Tell };
            var info = default(Info);
            var file = sf_open_virtual(&calls, ReadMode, &info, &memory);
            if (file == 0)
                throw new InputFormatException(name, $"this is no sound file that libsndfile reads: {Marshal.PtrToStringUTF8(sf_strerror(0))?.TrimEnd('.')}.");
            try
            {
                return Read(file, info, name);
            }
            finally
            {
                _ = sf_close(file);
            }
        }
    }

    private static AudioClip Read(nint file, Info info, string name)
    {
        if (info.SampleRate is < 1 or > AudioClip.MaxSampleRate || info.Channels is < 1 or > 1024)
        {
            throw new InputFormatException(
                name, $"it has {info.SampleRate} samples a second and {info.Channels} channels; 1 to {AudioClip.MaxSampleRate} and 1 to 1024 are read.");
        }
        // How many there are is known for sure only at the end.
        var framesAtOnce = Math.Max(1, SamplesAtOnce / info.Channels);
        var buffer = new float[framesAtOnce * info.Channels];
        var mono = new float[(int)Math.Clamp(info.Frames, 1, SamplesAtOnce * 16)];
        var count = 0;
        while (true)
        {
            long read;
            fixed (float* target = buffer)
                read = sf_readf_float(file, target, framesAtOnce);
            if (read <= 0)
                break;
            if (count + read > AudioClip.MaxSamples)
                throw new InputFormatException(name, $"it has more than {AudioClip.MaxSamples} samples a channel; cut it into shorter clips.");
            if (count + read > mono.Length)
                Array.Resize(ref mono, (int)Math.Min(AudioClip.MaxSamples, Math.Max(count + read, 2L * mono.Length)));
            AudioClip.MixDown(buffer.AsSpan(0, (int)read * info.Channels), info.Channels, mono.AsSpan(count, (int)read));
            count += (int)read;
        }
        if (sf_error(file) != 0)
            throw new InputFormatException(name, $"the sound is damaged: {Marshal.PtrToStringUTF8(sf_strerror(file))?.TrimEnd('.')}.");
        if (count == 0)
            throw new InputFormatException(name, "it has no samples.");
        Array.Resize(ref mono, count);
        foreach (var sample in mono)
        {
            if (!float.IsFinite(sample))
                throw new InputFormatException(name, $"a sample is {sample}; samples must be finite numbers.");
        }
        return new AudioClip(mono, info.SampleRate);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long LengthOf(Memory* memory) => memory->Length;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long Seek(long offset, int whence, Memory* memory)
    {
        var origin = whence switch { 1 => memory->Position, 2 => memory->Length, _ => 0 };
        return memory->Position = Math.Clamp(unchecked(origin + offset), 0, memory->Length);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long Read(byte* target, long count, Memory* memory)
    {
        count = Math.Clamp(count, 0, memory->Length - memory->Position);
        Buffer.MemoryCopy(memory->Start + memory->Position, target, count, count);
        memory->Position += count;
        return count;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long Write(byte* source, long count, Memory* memory) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long Tell(Memory* memory) => memory->Position;

    [LibraryImport(SystemLibrary.SndfileName)]
    private static partial nint sf_open_virtual(Calls* calls, int mode, Info* info, Memory* memory);

    [LibraryImport(SystemLibrary.SndfileName)]
    private static partial long sf_readf_float(nint file, float* target, long frames);

    [LibraryImport(SystemLibrary.SndfileName)]
    private static partial int sf_error(nint file);

    [LibraryImport(SystemLibrary.SndfileName)]
    private static partial nint sf_strerror(nint file);

    [LibraryImport(SystemLibrary.SndfileName)]
    private static partial int sf_close(nint file);

    private struct Memory
    {
        public byte* Start;
        public long Length;
        public long Position;
    }

    private struct Info
    {
        public long Frames;
        public int SampleRate;
        public int Channels;
        public int Format;
        public int Sections;
        public int Seekable;
    }

    private struct Calls
    {
        public delegate* unmanaged[Cdecl]<Memory*, long> Length;
        public delegate* unmanaged[Cdecl]<long, int, Memory*, long> Seek;
        public delegate* unmanaged[Cdecl]<byte*, long, Memory*, long> Read;
        public delegate* unmanaged[Cdecl]<byte*, long, Memory*, long> Write;
        public delegate* unmanaged[Cdecl]<Memory*, long> Tell;
    }
}
