using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>A part of a test at a point of a block: it computes what the test says.</summary>
internal sealed class Probe(BlockPoint point, int block, Func<Tensor, BlockState, Tensor> compute, bool everyToken = false)
    : BlockAdapter("probe", point, block)
{
    protected internal override bool ReadsOtherTokens => everyToken;

    protected internal override Tensor Forward(Tensor hidden, BlockState state, ForwardContext context) => compute(hidden, state);
}

/// <summary>Makes probes.</summary>
internal sealed record ProbeOptions(Func<AdapterBuild, IEnumerable<Adapter>> Parts) : AdapterOptions
{
    protected internal override bool HasTargets => false;

    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => Parts(build);
}
