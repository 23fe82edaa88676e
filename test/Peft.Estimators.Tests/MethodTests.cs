using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Peft.Estimators.FineTune;

namespace Peft.Estimators.Tests;

/// <summary>The research methods through the estimator, chosen by their names and options.</summary>
[TestClass]
public sealed class MethodTests
{
    [TestMethod]
    [DataRow("BOTTLENECK", "'bottleneck_size': 8, 'placement': 'SeriesOutput', 'target_modules': ['output.dense']")]
    [DataRow("CLIP_SVD", "'target_modules': ['query', 'value']")]
    [DataRow("DIFFORA", "'r': 2")]
    [DataRow("DIFFUSEKRONA", "'a1': 16, 'a2': 8")]
    [DataRow("DYLORA", "'r': 4, 'rank_distribution': 'geometric'")]
    [DataRow("HEAT", "")]
    [DataRow("HYDRA", "'r_parallel': 2, 'r_sequential': 2, 'init_down': 'xavier'")]
    [DataRow("LILY", "'r': 4, 'stride_A': 2")]
    [DataRow("LOCA", "'n_frequency': 50")]
    [DataRow("LOLDU", "'r': 16, 'target_modules': ['query']")]
    [DataRow("MOS", "'r': 2, 'target_modules': ['query', 'value']")]
    [DataRow("PACA", "'r': 4")]
    [DataRow("PEANUT", "'r': 4, 'depth': 1")]
    [DataRow("PEAR", "")]
    [DataRow("PREFIX_TUNING", "'num_virtual_tokens': 4")]
    [DataRow("RANDLORA", "'r': 16")]
    [DataRow("TLORA", "'transform_rank': 2, 'r': 2, 'residual_type': 'tr'")]
    [DataRow("TRIADAPTLORA", "'reference_rank': 2")]
    public void A_method_by_its_name_trains_predicts_and_comes_back_from_both_kinds_of_files(string method, string fields)
    {
        var adapter = AdapterOptions.FromJson($"{{\"peft_type\": \"{method}\"{(fields.Length > 0 ? ", " : "")}{fields.Replace('\'', '"')}}}", "settings");
        var ml = new MLContext(seed: 1);
        var rows = Data.View(ml, 24);
        using var chain = Models.Pipeline(ml, new() { Epochs = 4, LearningRate = 5e-3, BatchSize = 8 }, options => options with { Adapter = adapter, MaxLength = 16 }).Fit(rows);
        var model = chain.OfType<PeftFineTuneTransformer>().Single();
        Assert.IsGreaterThan(0, model.TrainableCount);
        var expected = Scores(chain);
        Assert.IsTrue(expected.All(score => score.All(float.IsFinite) && Math.Abs(score.Sum() - 1) < 1e-4));

        using var file = new MemoryStream();
        ml.Model.Save(chain, rows.Schema, file);
        file.Position = 0;
        using var loaded = (TransformerChain<ITransformer>)ml.Peft().Rehydrate(ml.Model.Load(file, out _));
        foreach (var (before, after) in expected.Zip(Scores(loaded)))
        {
            Models.AssertClose(before, after);
        }

        var folder = Directory.CreateTempSubdirectory("peft-method-");
        try
        {
            model.SaveAdapter(folder.FullName);
            Assert.AreEqual(method, AdapterCheckpoint.ReadOptions(folder.FullName).Method.Name);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        float[][] Scores(ITransformer of) => [.. of.Transform(Data.View(ml, 9)).GetColumn<float[]>("Score")];
    }
}
