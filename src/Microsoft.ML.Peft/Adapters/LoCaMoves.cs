using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Zeros (2, n) by which the places move: what is 0 forwards carries the gradient of the locations of <see cref="LoCa"/> backwards.</summary>
internal sealed class LoCaMoves : autograd.SingleTensorFunction<LoCaMoves>
{
    public sealed record Sides(long Rows, long Columns);

    public override string Name => nameof(LoCaMoves);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var locations = (Tensor)vars[0];
        ctx.save_for_backward([locations]);
        ctx.save_data(nameof(Sides), vars[1]);
        return zeros_like(locations);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope(); // on a GPU this is another thread
        var (locations, sides) = (ctx.get_saved_variables()[0], (Sides)ctx.get_data(nameof(Sides)));
        var steps = tensor([sides.Rows - 1f, sides.Columns - 1f], device: locations.device).unsqueeze(1);
        var inside = locations.ge(0).logical_and(locations.le(LoCa.Highest));
        return [(grad_output.clamp(-1, 1) * steps * inside).MoveToOuterDisposeScope(), null!];
    }
}
