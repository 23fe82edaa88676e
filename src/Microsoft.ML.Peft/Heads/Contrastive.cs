using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Pictures against texts: <c>logits = e^s·images·textsᵀ</c> over vectors of length 1; the loss wants each picture to find the text
/// of its own row and the other way round.</summary>
[HeadFor(HeadKind.Contrastive, typeof(ImageTextEncoder))]
public sealed class Contrastive : Head
{
    private readonly ImageTextEncoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public Contrastive(ImageTextEncoder backbone, WeightSource source, int? classes)
    {
        if (classes is not null)
        {
            throw new ArgumentOutOfRangeException(nameof(classes), classes, "A contrastive model has no classes; leave their count out.");
        }

        _ = source; // this head has no weights of its own
        _backbone = backbone;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => [];

    /// <inheritdoc/>
    public override string? TaskType => null;

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var images = Unit(_backbone.EncodeImages(inputs.Values.Required("pixels"), context));
        var texts = Unit(_backbone.EncodeTexts(inputs.Tokens.Required("tokens"), context));
        var perText = texts.mm(images.t()).mul(_backbone.LogitScale.exp());
        return new(
            ("logits_per_image", perText.t()), ("logits_per_text", perText), ("text_embeds", texts), ("image_embeds", images));
    }

    /// <inheritdoc/>
    /// <remarks>Row k of the pictures belongs to row k of the texts, so there are no labels.</remarks>
    public override Tensor Loss(ModelOutput output, Targets targets)
    {
        var perText = Losses.Single(output["logits_per_text"]);
        var (texts, images) = (perText.size(0), perText.size(1));
        if (texts != images)
        {
            throw new ArgumentException($"The loss needs a text for each picture; there are {images} pictures and {texts} texts.", nameof(output));
        }

        var own = arange(0, texts, 1, ScalarType.Int64, device: perText.device);
        return (nn.functional.cross_entropy(perText, own) + nn.functional.cross_entropy(perText.t(), own)) / 2;
    }

    /// <summary>Vectors (…, width) brought to length 1.</summary>
    internal static Tensor Unit(Tensor x) => x / x.square().sum(-1, keepdim: true).sqrt();
}
