using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class TriAdaptLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new TriAdaptLoraOptions { InitialRank = 3, Alpha = 2 };

    protected override double Deviation => 0.5;

    protected override long TrainedNumbers(long inputs, long outputs) => (3 * (inputs + outputs)) + (2 * 3 * 3);

    [TestMethod]
    public void The_core_is_the_sum_of_two_triangles_of_blocks()
    {
        var part = Make(new() { InitialRank = 1 });
        part.Grow(2);
        Fill(part, "lora_Crow_0", 1);
        Fill(part, "lora_Ccol_0", 10);
        Fill(part, "lora_Crow_1", 100);
        Fill(part, "lora_Ccol_1", 1000);

        AssertClose(tensor(new float[,] { { 11, 1000, 1000 }, { 100, 1100, 1100 }, { 100, 1100, 1100 } }), part.Core);
    }

    [TestMethod]
    public void The_core_of_many_blocks_is_what_the_blocks_say_and_so_are_its_gradients()
    {
        int[] sizes = [2, 1, 3, 1];
        var part = Make(new() { BlockSizes = new Dictionary<string, IReadOnlyList<int>> { ["block.0.query"] = sizes } });
        Randomize(part);
        var (expected, cotangent) = (zeros(7, 7), randn(7, 7));
        (part.Core * cotangent).sum().backward();
        var start = 0;
        for (var k = 0; k < sizes.Length; k++)
        {
            var (size, whole) = (sizes[k], start + sizes[k]);
            var (row, column) = (Parameter(part, $"lora_Crow_{k}"), Parameter(part, $"lora_Ccol_{k}"));
            using (no_grad())
            {
                expected.narrow(0, start, size).narrow(1, 0, whole).add_(row);
                expected.narrow(0, 0, whole).narrow(1, start, size).add_(column);
            }

            AssertClose(cotangent.narrow(0, start, size).narrow(1, 0, whole), row.grad!);
            AssertClose(cotangent.narrow(0, 0, whole).narrow(1, start, size), column.grad!);
            start = whole;
        }

        AssertClose(expected, part.Core.detach());
    }

    [TestMethod]
    public void A_zero_core_learns_between_normal_factors_and_nothing_learns_between_zeros()
    {
        var part = Make(new() { InitialRank = 2 });
        part.call(Input()).square().sum().backward();
        Assert.IsTrue(Parameter(part, "lora_Crow_0").grad!.count_nonzero().item<long>() == 4 && Parameter(part, "lora_Ccol_0").grad!.count_nonzero().item<long>() == 4);

        // The start of the authors' file.
        var zero = Make(new() { InitialRank = 2 });
        Fill(zero, "lora_B_0", 0);
        zero.call(Input()).square().sum().backward();
        Assert.IsTrue(zero.parameters().All(parameter => parameter.grad!.count_nonzero().item<long>() == 0));
    }

    [TestMethod]
    [DataRow(TriAdaptStart.CoreZero)]
    [DataRow(TriAdaptStart.BZero)]
    public void Either_start_is_the_identity_and_scores_nothing_until_something_is_learned(TriAdaptStart start)
    {
        var part = Make(new() { InitialRank = 3, Start = start });

        Assert.AreEqual(0f, part.Delta().abs().max().item<float>());
        Assert.AreEqual(0, part.Evaluate());
        Assert.AreEqual(0, part.Evaluate());
    }

    [TestMethod]
    public void The_counts_of_the_blocks_are_met()
    {
        Assert.AreEqual(13_938, CountOf(768, 768, 1, 4, 4));
        Assert.AreEqual(114, CountOf(768, 768, 1, 4, 4) - (9 * 1536));
        Assert.AreEqual(72, CountOf(8, 8, 1, 1, 1, 1, 1, 1, 1, 1) - (8 * 16));

        static long CountOf(long inputs, long outputs, params int[] blocks)
        {
            using var initialization = new Initialization(0);
            var options = new TriAdaptLoraOptions { BlockSizes = new Dictionary<string, IReadOnlyList<int>> { ["block.0.query"] = blocks } };
            return new TriAdaptLora(Layer(inputs, outputs), options, new AdapterBuild([], initialization)).parameters().Sum(p => p.numel());
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(7)]
    [DataRow(130)]
    public void The_reference_rank_is_even_and_2_to_128(int rank)
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(new TriAdaptLoraOptions { ReferenceRank = rank }.Validate);
        new TriAdaptLoraOptions { ReferenceRank = 2 }.Validate();
        new TriAdaptLoraOptions { ReferenceRank = 128 }.Validate();
        Assert.AreEqual(64, new TriAdaptLoraOptions { ReferenceRank = 128 }.GrowthOrDefault);
    }

    private TriAdaptLora Make(TriAdaptLoraOptions options)
    {
        using var initialization = new Initialization(0);
        return new TriAdaptLora(Layer(), options, new AdapterBuild([], initialization));
    }
}
