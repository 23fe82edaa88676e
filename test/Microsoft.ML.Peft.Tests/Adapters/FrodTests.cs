using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class FrodTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new FrodOptions { SparseRate = 0.1 };

    // S and λ belong to the singular vectors of the base weight.
    protected override bool RoundingKeepsFactors => false;

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => inputs + (long)(inputs * inputs * 0.1);

    [TestMethod]
    public void The_weight_is_that_of_the_formula()
    {
        var parts = Parts(Layer());
        var (basis, adapter) = (parts.OfType<FrodBasis>().Single(), parts.OfType<Frod>().Single());
        Randomize(adapter);
        var indices = Parameter(basis, "frod_s_indices");
        var middle = diag(Parameter(adapter, "frod_lambda_l").detach());
        for (var k = 0; k < 3; k++)
        {
            var (row, column) = (indices[0, k].item<long>(), indices[1, k].item<long>());
            Assert.AreNotEqual(row, column, "the diagonal has numbers of its own");
            middle[row, column] = Parameter(adapter, "frod_lambda_s_values")[k].detach();
        }

        AssertClose(Parameter(adapter, "frod_U").mm(middle).mm(basis.V.t()), adapter.Weight());
    }

    [TestMethod]
    public void Layers_of_a_kind_share_a_basis_in_which_each_weight_is_diagonal()
    {
        LinearLayer[] layers = [Named("model.layers.0.self_attn.q_proj", 8), Named("model.layers.0.self_attn.v_proj", 4), Named("model.layers.1.self_attn.q_proj", 8)];
        using var initialization = new Initialization(0);
        var parts = new FrodOptions { SparseRate = 0.1 }.CreateParts(new AdapterBuild(layers, initialization)).ToList();
        var bases = parts.OfType<FrodBasis>().ToList();

        CollectionAssert.AreEqual(
            new[] { "base_model.frod_V.self_attn_q_proj", "base_model.frod_V.self_attn_v_proj" }, bases.Select(b => b.FileKey("", "frod_V")).ToArray());
        foreach (var part in parts.OfType<Frod>())
        {
            var v = bases[part.Path.EndsWith("q_proj", StringComparison.Ordinal) ? 0 : 1].V;
            AssertClose(part.Layer.Weight.Dense(), (Parameter(part, "frod_U") * Parameter(part, "frod_lambda_l")).mm(v.t()));
        }
    }

    [TestMethod]
    public void Without_the_basis_in_the_file_it_is_made_again()
    {
        var parts = new FrodOptions { SavesBasis = false }.CreateParts(new AdapterBuild([Layer()], new Initialization(0))).ToList();

        Assert.IsFalse(parts.OfType<FrodBasis>().Single().IsSaved("frod_V"));
        Assert.IsFalse(parts.OfType<FrodBasis>().Single().IsRequired("frod_s_indices"));
    }

    [TestMethod]
    public void A_file_whose_places_do_not_fit_is_refused()
    {
        var basis = Parts(Layer()).OfType<FrodBasis>().Single();
        Parameter(basis, "frod_s_indices")[0, 0] = 6;

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(basis.Loaded).Message, "does not fit a basis of 6 features");
    }

    private static LinearLayer Named(string path, long outputs) => new(path, 0, new DenseWeight(randn(outputs, 6)), null);
}
