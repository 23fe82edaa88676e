using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>An operation with a gradient of its own.</summary>
        public abstract class Function<T> where T : Function<T>, new()
        {
            internal Function() { }

            private static readonly T instance = new();

            public abstract string Name { get; }

            internal abstract List<Tensor> Forward(AutogradContext ctx, object[] vars);
            internal abstract List<Tensor?> Backward(AutogradContext ctx, List<Tensor> grads);

            public static List<Tensor> apply_internal(params object[] vars)
            {
                var ctx = new AutogradContext();
                List<Tensor> outputs;
                using (no_grad()) outputs = instance.Forward(ctx, vars);
                return Nodes.Connect(ctx, instance.Name, vars, outputs, instance.Backward);
            }
        }

        /// <summary>A function with one output.</summary>
        public abstract class SingleTensorFunction<T> : Function<T> where T : SingleTensorFunction<T>, new()
        {
            public abstract Tensor forward(AutogradContext ctx, params object[] vars);
            public abstract List<Tensor> backward(AutogradContext ctx, Tensor grad_output);
            public static Tensor apply(params object[] vars) => apply_internal(vars)[0];

            internal sealed override List<Tensor> Forward(AutogradContext ctx, object[] vars) => [forward(ctx, vars)];
            internal sealed override List<Tensor?> Backward(AutogradContext ctx, List<Tensor> grads) => backward(ctx, grads[0])!;
        }

        /// <summary>A function with any number of outputs.</summary>
        public abstract class MultiTensorFunction<T> : Function<T> where T : MultiTensorFunction<T>, new()
        {
            public abstract List<Tensor> forward(AutogradContext ctx, params object[] vars);
            public abstract List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs);
            public static List<Tensor> apply(params object[] vars) => apply_internal(vars);

            internal sealed override List<Tensor> Forward(AutogradContext ctx, object[] vars) => forward(ctx, vars);
            internal sealed override List<Tensor?> Backward(AutogradContext ctx, List<Tensor> grads) => backward(ctx, grads)!;
        }

        /// <summary>The native autograd nodes whose backward is managed code, under the numbers they carry.</summary>
        private static unsafe class Nodes
        {
            private sealed record Entry(AutogradContext Context, string Name, Func<AutogradContext, List<Tensor>, List<Tensor?>> Backward);

            private static readonly ConcurrentDictionary<long, Entry> live = new();
            private static long last;

            static Nodes() => Native.peft_node_callbacks(&Backward, &Free);

            internal static List<Tensor> Connect(AutogradContext ctx, string name, object[] vars, List<Tensor> outputs,
                Func<AutogradContext, List<Tensor>, List<Tensor?>> backward)
            {
                var inputs = Array.ConvertAll(vars, v => v is Tensor t ? t.Handle : 0);
                long id = Interlocked.Increment(ref last);
                live[id] = new Entry(ctx, name, backward);
                nint node;
                int status;
                fixed (nint* ip = inputs)
                fixed (byte* np = Encoding.UTF8.GetBytes(name + "\0"))
                    status = Native.peft_node_new(id, np, ip, inputs.Length, ctx.MaterializeGrads ? 1 : 0, &node);
                if (status != 0 || node == 0)
                {
                    live.TryRemove(id, out _);
                    Native.Check(status);
                    // The caller may dispose what it gets: an input handed back is a handle of its own.
                    for (int k = 0; k < outputs.Count; k++)
                        if (Array.IndexOf(vars, outputs[k]) >= 0 && !ctx.Dirty.Contains(outputs[k])) outputs[k] = outputs[k].alias();
                    return outputs;
                }
                try
                {
                    Attach(ctx, node, vars, inputs, outputs);
                    ctx.Node = Native.peft_node_pointer(node);
                }
                finally
                {
                    // From here on the outputs keep the node alive; without a differentiable one it dies now.
                    Native.peft_node_release(node);
                }
                ctx.Saved = [];
                ctx.Dirty = [];
                ctx.Constant = [];
                return outputs;
            }

            private static void Attach(AutogradContext ctx, nint node, object[] vars, nint[] inputs, List<Tensor> outputs)
            {
                var handles = outputs.Select(o => o is null ? 0 : o.Handle).ToArray();
                var before = (nint[])handles.Clone();
                var kinds = outputs.Select(o => (byte)(Same(ctx.Constant, o) ? 1 : Same(ctx.Dirty, o) ? 2 : 0)).ToArray();
                int status;
                fixed (nint* ip = inputs)
                fixed (nint* op = handles)
                fixed (byte* kp = kinds)
                    status = Native.peft_node_outputs(node, ip, inputs.Length, op, kp, handles.Length);
                Native.Check(status);
                for (int k = 0; k < handles.Length; k++)
                    if (handles[k] != before[k]) outputs[k] = new Tensor(handles[k]);
                var saved = ctx.Saved.Select(s => s is null ? 0 : s.Handle).ToArray();
                fixed (nint* sp = saved) status = Native.peft_node_save(node, sp, saved.Length);
                Native.Check(status);
                Handles.KeepAlive(vars, ctx.Saved, outputs);
            }

            private static bool Same(List<Tensor> list, Tensor? t) => t is not null && list.Exists(x => ReferenceEquals(x, t));

            // Called on whatever thread runs the backward pass. No exception may leave: it goes under a number instead.
            [UnmanagedCallersOnly]
            private static long Backward(long id, nint* grads, int n, nint* results, int m)
            {
                try
                {
                    if (!live.TryGetValue(id, out var entry)) throw new InvalidOperationException($"There is no autograd function under the number {id}.");
                    using var scope = NewDisposeScope();
                    var incoming = new List<Tensor>(n);
                    for (int k = 0; k < n; k++)
                    {
                        nint handle = grads[k];
                        incoming.Add(handle == 0 ? null! : new Tensor(handle));
                    }
                    var made = entry.Backward(entry.Context, incoming)
                        ?? throw new InvalidOperationException($"The backward of {entry.Name} gave null instead of a list of gradients.");
                    if (made.Count != m)
                        throw new InvalidOperationException($"The backward of {entry.Name} gave {made.Count} gradients; its forward took {m} arguments (null stands for an argument without one).");
                    for (int k = 0; k < m; k++)
                        if (made[k] is { } t) Native.Check(Native.peft_alias(t.Handle, results + k));
                    return 0;
                }
                catch (Exception e)
                {
                    return ManagedErrors.Put(e);
                }
            }

            [UnmanagedCallersOnly]
            private static void Free(long id) => live.TryRemove(id, out _);
        }
    }
}
