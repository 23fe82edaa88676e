using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Heads;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class TLoraGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Losses => MethodCase.Cases("tlora", "dco");

    public static IEnumerable<object[]> Layers
        => from name in MethodCase.Cases("tlora").Where(c => !((string)c[0]).StartsWith("dco", StringComparison.Ordinal))
           from dense in (bool[])[false, true]
           select new object[] { name[0], dense };

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Starts_outputs_gradients_and_merged_weights_are_the_authors(string name, bool dense)
    {
        using var golden = MethodCase.Load("tlora", name);
        var layer = golden.Layer();
        var options = new TLoraOptions
        {
            TransformRank = golden.Int("transform_rank"),
            Rank = golden.Int("r"),
            Residual = Enum.Parse<TLoraResidual>(golden.Options.GetProperty("residual_type").GetString()!, ignoreCase: true),
            Alpha = golden.Number("lora_alpha"),
            RankStabilized = golden.Flag("use_rslora"),
            InShape = Shape("in_shape"),
            OutShape = Shape("out_shape"),
            DenseTransform = dense,
        };
        var adapter = (TLora)MethodCase.Parts(options, layer).Single();
        var named = Named(adapter);
        golden.AssertClose("init.output", adapter.call(golden["input"]));
        foreach (var (ours, parameter) in named)
        {
            if (golden.Has($"init.{Recorded(ours)}"))
            {
                golden.AssertClose($"init.{Recorded(ours)}", parameter);
            }

            golden.Fill(parameter, $"param.{Recorded(ours)}");
        }

        Assert.AreEqual(golden.Names.Count(n => n.StartsWith("param.", StringComparison.Ordinal)), named.Count);
        golden.AssertForwardAndBackward(adapter.call);
        foreach (var (ours, parameter) in named)
        {
            golden.AssertClose($"grad.{Recorded(ours)}", parameter.grad);
        }

        golden.AssertClose("effective.weight", adapter.Materialize(layer.Weight.Dense()));
        if (golden.Has("transform"))
        {
            golden.AssertClose("transform", adapter.Factors.Transform());
        }

        long[] Shape(string option) => [.. golden.Options.GetProperty(option).EnumerateArray().Select(size => size.GetInt64())];
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void The_preference_loss_is_the_authors(string name)
    {
        using var golden = MethodCase.Load("tlora", name);
        for (var step = 0; golden.Has($"step{step}.loss"); step++)
        {
            var prediction = golden[$"step{step}.prediction"].clone().requires_grad_(true);
            var weights = golden.Flag("sample_weights") ? golden[golden.Names.Single(n => n.StartsWith($"step{step}.", StringComparison.Ordinal) && n.Contains("weight", StringComparison.Ordinal))] : null;
            var loss = DirectConsistencyLoss.Of(prediction, golden[$"step{step}.reference"], golden[$"step{step}.target"], golden.Number("dco_beta"), weights);
            golden.AssertClose($"step{step}.loss", loss);
            loss.backward();
            golden.AssertClose($"step{step}.grad.prediction", prediction.grad);
        }
    }

    // A1 is transform_1, P1 out_core_1, Q1 in_core_1, G1 core_1.
    private static string Recorded(string ours)
    {
        var place = ours[(ours.LastIndexOf('_') + 1)..];
        return ours.StartsWith("transform", StringComparison.Ordinal) ? "A" + place
            : ours.StartsWith("out_core", StringComparison.Ordinal) ? "P" + place
            : ours.StartsWith("in_core", StringComparison.Ordinal) ? "Q" + place
            : ours.StartsWith("core", StringComparison.Ordinal) ? "G" + place
            : ours;
    }
}
