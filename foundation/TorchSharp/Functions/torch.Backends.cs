namespace TorchSharp;

public static partial class torch
{
    public static bool cuda_is_available() => cuda.is_available();
    public static bool mps_is_available() => false;

    /// <summary>CUDA devices.</summary>
    public static class cuda
    {
        public static bool is_available() => Native.peft_cuda_available() != 0;
        public static bool is_cudnn_available() => Native.peft_cudnn_available() != 0;
        public static int device_count() => Native.peft_cuda_device_count();
        public static void manual_seed(long seed) => Native.Check(Native.peft_cuda_manual_seed((ulong)seed, 0));
        public static void manual_seed_all(long seed) => Native.Check(Native.peft_cuda_manual_seed((ulong)seed, 1));
        public static void synchronize(Device? device = null) => Native.Check(Native.peft_cuda_synchronize(device?.index ?? -1));
    }

    /// <summary>Switches of the numeric libraries.</summary>
    public static class backends
    {
        private static unsafe bool Switch(int which, bool? value = null)
        {
            int now;
            Native.Check(Native.peft_switch(which, value is { } v ? v ? 1 : 0 : -1, &now));
            return now != 0;
        }

        public static class cuda
        {
            public static class matmul
            {
                public static bool allow_tf32
                {
                    get => Switch(0);
                    set => Switch(0, value);
                }

                public static bool allow_fp16_reduced_precision_reduction
                {
                    get => Switch(2);
                    set => Switch(2, value);
                }
            }

            public static bool flash_sdp_enabled() => Switch(3);
            public static void enable_flash_sdp(bool enable) => Switch(3, enable);
            public static bool math_sdp_enabled() => Switch(4);
            public static void enable_math_sdp(bool enable) => Switch(4, enable);
        }

        public static class cudnn
        {
            public static bool allow_tf32
            {
                get => Switch(1);
                set => Switch(1, value);
            }
        }
    }
}
