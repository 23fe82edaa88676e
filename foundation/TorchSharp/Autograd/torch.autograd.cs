namespace TorchSharp;

public static partial class torch
{
    /// <summary>Backward passes and gradients.</summary>
    public static unsafe partial class autograd
    {
        public static void backward(IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            Run(tensors, grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(Tensor tensor, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            Run([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(Tensor tensor, Tensor grad_tensor, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            Run([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        private static int Tristate(bool? v) => v is { } x ? x ? 1 : 0 : -1;

        internal static void Run(IList<Tensor> tensors, IList<Tensor>? grads, bool? retain, bool create, IList<Tensor>? inputs)
        {
            nint[] t = Handles.Of(tensors), g = Handles.Of(grads), i = Handles.Of(inputs);
            int status;
            fixed (nint* tp = t)
            fixed (nint* gp = g)
            fixed (nint* ip = i)
                status = Native.peft_backward(tp, t.Length, gp, g.Length, Tristate(retain), create ? 1 : 0, ip, i.Length);
            Handles.KeepAlive(tensors, grads, inputs);
            Native.Check(status);
        }

        public static IList<Tensor> grad(IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false, bool create_graph = false, bool allow_unused = false)
        {
            nint[] o = Handles.Of(outputs), i = Handles.Of(inputs), g = Handles.Of(grad_outputs);
            var made = new nint[i.Length];
            int status;
            fixed (nint* op = o)
            fixed (nint* ip = i)
            fixed (nint* gp = g)
            fixed (nint* mp = made)
                status = Native.peft_grad(op, o.Length, ip, i.Length, gp, g.Length, retain_graph ? 1 : create_graph ? -1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, mp);
            Handles.KeepAlive(outputs, inputs, grad_outputs);
            Native.Check(status);
            // With allow_unused an input that plays no part has no gradient.
            return Array.ConvertAll(made, h => h == 0 ? null! : new Tensor(h));
        }
    }
}
