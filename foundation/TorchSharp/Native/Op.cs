using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace TorchSharp;

/// <summary>
/// One ATen operator, found by its name ("add.Tensor") at first use. T gives its tensor, Do its effect only (in-place
/// operators), Call any other result. Arguments left out take the schema's defaults.
/// </summary>
internal sealed unsafe class Op(string name)
{
    private nint handle;

    private nint Handle
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => handle != 0 ? handle : Find();
    }

    /// <summary>Whether this libtorch has the operator.</summary>
    internal bool Exists => handle != 0 || (known ?? Look());

    private bool? known;

    private bool Look()
    {
        try
        {
            Find();
            known = true;
        }
        catch (ExternalException)
        {
            known = false;
        }
        return known.Value;
    }

    private nint Find()
    {
        int dot = name.IndexOf('.');
        var (op, overload) = dot < 0 ? (name, "") : (name[..dot], name[(dot + 1)..]);
        nint found;
        fixed (byte* a = Encoding.UTF8.GetBytes($"{(op.Contains("::") ? "" : "aten::")}{op}\0"))
        fixed (byte* b = Encoding.UTF8.GetBytes(overload + "\0"))
            Native.Check(Native.peft_find_op(a, b, &found));
        return handle = found;
    }

    internal torch.Tensor T(Arg a)
    {
        var args = stackalloc NativeArg[1];
        var room = stackalloc long[Scratch.Longs];
        var scratch = new Scratch(room, Scratch.Longs);
        a.Write(args, ref scratch);
        var made = One(args, 1, ref scratch);
        GC.KeepAlive(a.Keep);
        return made;
    }

    internal torch.Tensor T(Arg a, Arg b)
    {
        var args = stackalloc NativeArg[2];
        var room = stackalloc long[Scratch.Longs];
        var scratch = new Scratch(room, Scratch.Longs);
        a.Write(args, ref scratch);
        b.Write(args + 1, ref scratch);
        var made = One(args, 2, ref scratch);
        GC.KeepAlive(a.Keep);
        GC.KeepAlive(b.Keep);
        return made;
    }

    internal torch.Tensor T(Arg a, Arg b, Arg c)
    {
        var args = stackalloc NativeArg[3];
        var room = stackalloc long[Scratch.Longs];
        var scratch = new Scratch(room, Scratch.Longs);
        a.Write(args, ref scratch);
        b.Write(args + 1, ref scratch);
        c.Write(args + 2, ref scratch);
        var made = One(args, 3, ref scratch);
        GC.KeepAlive(a.Keep);
        GC.KeepAlive(b.Keep);
        GC.KeepAlive(c.Keep);
        return made;
    }

    internal torch.Tensor T(Arg a, Arg b, Arg c, Arg d, Arg e = default, Arg f = default, Arg g = default, Arg h = default,
        Arg i = default, Arg j = default, Arg k = default, Arg l = default) => Call(a, b, c, d, e, f, g, h, i, j, k, l).T;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private torch.Tensor One(NativeArg* args, int n, ref Scratch scratch)
    {
        NativeArg result;
        int count;
        int status = Native.peft_call(Handle, args, n, &result, 1, &count);
        scratch.Free();
        if (status != 0) Native.Throw(status);
        if (result.Kind != NativeArg.Tensor) throw new InvalidOperationException($"{name} gave no tensor (kind {result.Kind}).");
        return torch.Tensor.Of(result.P);
    }

    /// <summary>Runs the operator for its effect on the first argument, and gives that back.</summary>
    internal torch.Tensor Do(torch.Tensor self)
    {
        NativeArg args;
        args.Kind = NativeArg.Tensor;
        args.P = self.Handle;
        Native.Check(Native.peft_call(Handle, &args, 1, null, 0, null));
        GC.KeepAlive(self);
        return self;
    }

    internal torch.Tensor Do(torch.Tensor self, Arg b, Arg c = default, Arg d = default, Arg e = default, Arg f = default)
    {
        var args = stackalloc NativeArg[6];
        var room = stackalloc long[Scratch.Longs];
        var scratch = new Scratch(room, Scratch.Longs);
        args[0].Kind = NativeArg.Tensor;
        args[0].P = self.Handle;
        b.Write(args + 1, ref scratch);
        c.Write(args + 2, ref scratch);
        d.Write(args + 3, ref scratch);
        e.Write(args + 4, ref scratch);
        f.Write(args + 5, ref scratch);
        int n = !f.IsDefault ? 6 : !e.IsDefault ? 5 : !d.IsDefault ? 4 : !c.IsDefault ? 3 : 2;
        int status = Native.peft_call(Handle, args, n, null, 0, null);
        scratch.Free();
        GC.KeepAlive(self);
        GC.KeepAlive(b.Keep);
        GC.KeepAlive(c.Keep);
        GC.KeepAlive(d.Keep);
        GC.KeepAlive(e.Keep);
        GC.KeepAlive(f.Keep);
        Native.Check(status);
        return self;
    }

    internal Results Call(Arg a = default, Arg b = default, Arg c = default, Arg d = default, Arg e = default, Arg f = default,
        Arg g = default, Arg h = default, Arg i = default, Arg j = default, Arg k = default, Arg l = default)
    {
        const int most = 12;
        var args = stackalloc NativeArg[most];
        var room = stackalloc long[Scratch.Longs];
        var scratch = new Scratch(room, Scratch.Longs);
        a.Write(args, ref scratch);
        b.Write(args + 1, ref scratch);
        c.Write(args + 2, ref scratch);
        d.Write(args + 3, ref scratch);
        e.Write(args + 4, ref scratch);
        f.Write(args + 5, ref scratch);
        g.Write(args + 6, ref scratch);
        h.Write(args + 7, ref scratch);
        i.Write(args + 8, ref scratch);
        j.Write(args + 9, ref scratch);
        k.Write(args + 10, ref scratch);
        l.Write(args + 11, ref scratch);
        int n = most;
        while (n > 0 && args[n - 1].Kind == NativeArg.Default) n--;
        Results results = new();
        int status = Native.peft_call(Handle, args, n, results.First, Results.Most, &results.Count);
        scratch.Free();
        GC.KeepAlive(a.Keep);
        GC.KeepAlive(b.Keep);
        GC.KeepAlive(c.Keep);
        GC.KeepAlive(d.Keep);
        GC.KeepAlive(e.Keep);
        GC.KeepAlive(f.Keep);
        GC.KeepAlive(g.Keep);
        GC.KeepAlive(h.Keep);
        GC.KeepAlive(i.Keep);
        GC.KeepAlive(j.Keep);
        GC.KeepAlive(k.Keep);
        GC.KeepAlive(l.Keep);
        if (status != 0) Native.Throw(status);
        return results;
    }

    /// <summary>The results of one call. Each tensor may be taken once.</summary>
    internal ref struct Results
    {
        internal const int Most = 6;
        internal int Count;
        private Buffer buffer = default;

        public Results() { }

        [InlineArray(Most)]
        private struct Buffer { private NativeArg first; }

        internal NativeArg* First => (NativeArg*)Unsafe.AsPointer(ref buffer);

        internal torch.Tensor T => Tensor(0);
        internal (torch.Tensor, torch.Tensor) T2 => (Tensor(0), Tensor(1));
        internal (torch.Tensor, torch.Tensor, torch.Tensor) T3 => (Tensor(0), Tensor(1), Tensor(2));
        internal (torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor) T4 => (Tensor(0), Tensor(1), Tensor(2), Tensor(3));
        internal readonly long Long => buffer[0].I;
        internal readonly double Double => buffer[0].D;
        internal readonly bool Bool => buffer[0].I != 0;

        internal readonly torch.Tensor[] List
        {
            get
            {
                var list = (nint*)buffer[0].P;
                var tensors = new torch.Tensor[buffer[0].Count];
                for (int k = 0; k < tensors.Length; k++) tensors[k] = torch.Tensor.Of(list[k]);
                Native.peft_free_list(list);
                return tensors;
            }
        }

        private readonly torch.Tensor Tensor(int k) => k < Count && buffer[k].Kind == NativeArg.Tensor
            ? torch.Tensor.Of(buffer[k].P)
            : throw new InvalidOperationException($"Result {k} is no tensor.");
    }
}
