namespace TorchSharp;

public static partial class torch
{
    /// <summary>A source of random numbers.</summary>
    public unsafe class Generator : IDisposable
    {
        private nint handle;

        public Generator(ulong seed = 0UL, Device? device = null)
        {
            var d = device ?? CPU;
            nint made;
            Native.Check(Native.peft_generator_new(seed, (int)d.type, d.index, &made));
            handle = made;
        }

        private Generator(nint handle) => this.handle = handle;

        ~Generator() => Dispose(false);

        public nint Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(Generator));

        /// <summary>The generator that functions use when none is named.</summary>
        public static Generator Default => Of(CPU);

        internal static Generator Of(Device device)
        {
            nint made;
            Native.Check(Native.peft_generator_default((int)device.type, device.index, &made));
            return new Generator(made);
        }

        public Device device
        {
            get
            {
                long packed;
                Native.Check(Native.peft_generator_device(Handle, &packed));
                GC.KeepAlive(this);
                return Device.Unpack(packed);
            }
        }

        public Generator manual_seed(long seed)
        {
            Native.Check(Native.peft_generator_set_seed(Handle, (ulong)seed));
            GC.KeepAlive(this);
            return this;
        }

        /// <summary>Seeds from the system's randomness and gives that seed.</summary>
        public long seed()
        {
            ulong value;
            Native.Check(Native.peft_generator_seed(Handle, &value));
            GC.KeepAlive(this);
            return (long)value;
        }

        public long initial_seed()
        {
            ulong value;
            Native.Check(Native.peft_generator_initial_seed(Handle, &value));
            GC.KeepAlive(this);
            return (long)value;
        }

        public Tensor get_state()
        {
            nint state;
            Native.Check(Native.peft_generator_state(Handle, &state));
            GC.KeepAlive(this);
            return new Tensor(state);
        }

        public void set_state(Tensor value)
        {
            Native.Check(Native.peft_generator_set_state(Handle, value.Handle));
            GC.KeepAlive(this);
            GC.KeepAlive(value);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            nint h = Interlocked.Exchange(ref handle, 0);
            if (h != 0) Native.peft_generator_free(h);
        }
    }

    /// <summary>The default generators.</summary>
    public static class random
    {
        public static Generator manual_seed(long seed)
        {
            Native.Check(Native.peft_manual_seed((ulong)seed));
            return Generator.Default;
        }

        public static long seed()
        {
            using var g = Generator.Default;
            long value = g.seed();
            if (cuda.is_available()) cuda.manual_seed_all(value);
            return value;
        }

        public static long initial_seed()
        {
            using var g = Generator.Default;
            return g.initial_seed();
        }

        public static Tensor get_rng_state()
        {
            using var g = Generator.Default;
            return g.get_state();
        }

        public static void set_rng_state(Tensor new_state)
        {
            using var g = Generator.Default;
            g.set_state(new_state);
        }
    }

    public static Generator manual_seed(long seed) => random.manual_seed(seed);
    public static long seed() => random.seed();
    public static long initial_seed() => random.initial_seed();
    public static Tensor get_rng_state() => random.get_rng_state();
    public static void set_rng_state(Tensor new_state) => random.set_rng_state(new_state);
}
