using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class RandLoraGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodCase.Cases("randlora");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("randlora", name);
        var layer = golden.Layer();
        var options = new RandLoraOptions { Rank = golden.Int("r"), Alpha = golden.Number("randlora_alpha"), ScaleRule = RandLoraScale.Paper };
        using var initialization = new Initialization(0);
        var shared = new SharedProjections("randlora", golden["param.A"].clone(), golden["param.B"].clone(), saved: true);
        using var adapter = new RandLora(layer, options, shared, new AdapterBuild([layer], initialization));
        adapter.eval();
        var named = Named(adapter);
        golden.AssertClose("init.lambda", named["randlora_lambda"]);
        golden.AssertClose("init.gamma", named["randlora_gamma"]);
        golden.Fill(named["randlora_lambda"], "param.lambda");
        golden.Fill(named["randlora_gamma"], "param.gamma");

        golden.AssertForwardAndBackward(adapter.call);

        golden.AssertClose("grad.lambda", named["randlora_lambda"].grad);
        golden.AssertClose("grad.gamma", named["randlora_gamma"].grad);
        golden.AssertClose("delta.weight", adapter.Delta());
        golden.AssertClose("merged.weight", adapter.Materialize(layer.Weight.Dense()));
    }
}
