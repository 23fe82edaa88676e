namespace TorchSharp;

public static partial class torch
{
    public unsafe partial class Tensor
    {
        public bool requires_grad
        {
            get => Alive(Native.peft_requires_grad(Handle)) != 0;
            set => requires_grad_(value);
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            int status = Native.peft_set_requires_grad(Handle, requires_grad ? 1 : 0);
            GC.KeepAlive(this);
            Native.Check(status);
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        public bool is_leaf => Alive(Native.peft_is_leaf(Handle)) != 0;

        /// <summary>The accumulated gradient: a new object at each read, null where there is none.</summary>
        public Tensor? grad
        {
            get
            {
                nint made;
                int status = Native.peft_get_grad(Handle, &made);
                GC.KeepAlive(this);
                Native.Check(status);
                return made == 0 ? null : Of(made);
            }
            set
            {
                int status = Native.peft_set_grad(Handle, value is null ? 0 : value.Handle);
                GC.KeepAlive(this);
                GC.KeepAlive(value);
                Native.Check(status);
            }
        }

        internal bool HasGrad => Alive(Native.peft_has_grad(Handle)) != 0;

        public void retain_grad()
        {
            Native.Check(Native.peft_retain_grad(Handle));
            GC.KeepAlive(this);
        }

        public Tensor detach() => Ops.detach.T(this);
        public Tensor detach_() => Ops.detach_.Do(this);

        public void backward() => autograd.Run([this], null, null, false, null);

        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.Run([this], grad_tensors, retain_graph, create_graph, inputs);
    }

    public static IDisposable no_grad() => new GradMode(false);
    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);
    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);
    public static bool is_grad_enabled() => Native.peft_grad_enabled() != 0;
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);
    public static bool is_inference_mode_enabled() => Native.peft_inference_enabled() != 0;

    /// <summary>Sets whether this thread records gradients, until disposed.</summary>
    private sealed class GradMode : IDisposable
    {
        private readonly int before = Native.peft_grad_enabled();
        private bool left;

        internal GradMode(bool on) => Native.peft_set_grad_enabled(on ? 1 : 0);

        public void Dispose()
        {
            if (left) return;
            left = true;
            Native.peft_set_grad_enabled(before);
        }
    }

    private sealed class InferenceMode(bool on) : IDisposable
    {
        private nint guard = Native.peft_inference_enter(on ? 1 : 0);

        public void Dispose()
        {
            nint g = Interlocked.Exchange(ref guard, 0);
            if (g != 0) Native.peft_inference_leave(g);
        }
    }
}
