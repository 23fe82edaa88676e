using Microsoft.ML.Peft.Backbones;

namespace Microsoft.ML.Peft.Tests.Backbones;

[TestClass]
public sealed class ModulePathsTests
{
    [TestMethod]
    [DataRow("vit.encoder.layer.11.attention.attention.query", "vit.layers.11.attention.q_proj")]
    [DataRow("vit.encoder.layer.0.attention.attention.key", "vit.layers.0.attention.k_proj")]
    [DataRow("vit.encoder.layer.0.attention.attention.value", "vit.layers.0.attention.v_proj")]
    [DataRow("vit.encoder.layer.0.attention.output.dense", "vit.layers.0.attention.o_proj")]
    [DataRow("vit.encoder.layer.0.intermediate.dense", "vit.layers.0.mlp.fc1")]
    [DataRow("vit.encoder.layer.0.output.dense", "vit.layers.0.mlp.fc2")]
    [DataRow("vit.encoder.layer.0.layernorm_before", "vit.layers.0.layernorm_before")]
    [DataRow("vit.embeddings.patch_embeddings.projection", "vit.embeddings.patch_embeddings.projection")]
    [DataRow("vit.layernorm", "vit.layernorm")]
    [DataRow("classifier", "classifier")]
    public void Disk_names_become_the_newer_ones(string path, string newer)
        => Assert.AreEqual(newer, new ModulePaths(PatchTransformer.Renames).Newer(path));
}
