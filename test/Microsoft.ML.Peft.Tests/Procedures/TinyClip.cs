using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Procedures.ZeroShot;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Procedures;

/// <summary>The tiny CLIP that Hugging Face recorded, with a few pictures of three classes.</summary>
public abstract class TinyClip
{
    protected const int Pad = 1;

    protected static int[] Labels { get; } = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2];

    private DisposeScope _scope = null!;

    private protected GoldenModel Recorded { get; private set; } = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        Recorded = GoldenModel.Load(new(GoldenFolder.Root, "clip", null));
    }

    [TestCleanup]
    public void Close()
    {
        Recorded.Dispose();
        _scope.Dispose();
    }

    private protected ZeroShotClassifier Classifier(AdapterSet? set) => new(Recorded.Model, new(["0", "1", "2"], ["{}"]), RecordedText, Pad, set, 100);

    // Class k is the brightness of one channel, under noise.
    protected static Tensor Shapes()
    {
        using var generator = new Generator(11);
        var pixels = randn([Labels.Length, 3, 16, 16], generator: generator);
        for (var k = 0; k < Labels.Length; k++)
        {
            pixels[k, Labels[k]].add_(2);
        }

        return pixels;
    }

    protected int[] RecordedText(string row)
    {
        var (tokens, k) = (Recorded.Inputs.Tokens!, int.Parse(row));
        var ids = tokens.Ids.view(tokens.Rows, -1)[k].data<long>().ToArray();
        var real = tokens.Mask is null ? ids.Length : (int)tokens.Mask.view(tokens.Rows, -1)[k].sum().item<long>();
        return [.. ids[..real].Select(id => (int)id)];
    }
}
