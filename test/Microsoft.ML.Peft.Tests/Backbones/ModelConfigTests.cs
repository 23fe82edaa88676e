using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Folders whose config.json is not there.</summary>
[TestClass]
public sealed class ModelConfigTests
{
    private string _folder = null!;

    [TestInitialize]
    public void Open() => _folder = Directory.CreateTempSubdirectory("peft-config-").FullName;

    [TestCleanup]
    public void Close() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void A_folder_of_open_clip_is_told_apart_from_one_without_a_configuration()
    {
        Refused(ModelFormatError.MissingFile, "has no config.json");
        File.WriteAllText(Path.Combine(_folder, "open_clip_config.json"), "{}");
        Refused(ModelFormatError.Unsupported, "it is a folder of open_clip, such as BiomedCLIP's");
    }

    [TestMethod]
    public void A_configuration_beside_that_of_open_clip_is_read()
    {
        File.WriteAllText(Path.Combine(_folder, "open_clip_config.json"), "{}");
        File.WriteAllText(Path.Combine(_folder, "config.json"), """{"model_type": "clip"}""");
        Assert.AreEqual("clip", ModelConfig.Load(_folder).ModelType);
    }

    private void Refused(ModelFormatError kind, string part)
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => ModelConfig.Load(_folder));
        Assert.AreEqual(kind, error.Error);
        StringAssert.Contains(error.Message, part);
        StringAssert.Contains(error.Message, _folder);
    }
}
