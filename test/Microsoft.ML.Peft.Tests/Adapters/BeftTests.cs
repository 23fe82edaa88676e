using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class BeftTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new BeftOptions();

    protected override long TrainedNumbers(long inputs, long outputs) => outputs;

    [TestMethod]
    public void A_layer_without_a_bias_can_take_it_but_not_keep_it()
    {
        var layer = new LinearLayer("value", 0, new DenseWeight(randn(4, 6)), null);
        var adapter = Wrap(layer);
        Fill(adapter, "beft_bias", 2);
        var x = Input();

        AssertClose(Base(layer, x) + 2, adapter.call(x));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => new MergedWeights([adapter])).Message, "gives 'value' a bias, which that layer does not have");
    }
}
