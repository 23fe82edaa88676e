using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>SpecAugment over frames, while training: spans of time become a learned vector, spans of channels become 0.</summary>
/// <remarks>The count of spans is that of the share to mask, rounded by chance; spans may overlap. Source: Park et al. 2019,
/// arXiv:1904.08779, in the form of Hugging Face's speech models.</remarks>
internal sealed class SpecAugment
{
    private readonly Tensor _masked; // (hidden): what stands for a masked frame
    private readonly Spans _time;
    private readonly Spans _feature;

    private SpecAugment(Tensor masked, Spans time, Spans feature) => (_masked, _time, _feature) = (masked, time, feature);

    /// <summary>Reads the settings; null where nothing is ever masked.</summary>
    public static SpecAugment? Create(ModelConfig config, WeightSource source, string path, int hidden)
    {
        var time = Read("time", 0.05, 2);
        var feature = Read("feature", 0, 0);
        var name = $"{path}.masked_spec_embed";
        return config.Flag("apply_spec_augment", true) && (time.Share > 0 || feature.Share > 0) && source.Has(name)
            ? new SpecAugment(source.Parameters(path, ("masked_spec_embed", [hidden]))["masked_spec_embed"], time, feature)
            : null;

        Spans Read(string axis, double share, int least) => new(
            config.Number($"mask_{axis}_prob", 0, 1, share),
            config.Int($"mask_{axis}_length", 1, 1 << 16, 10),
            config.Int($"mask_{axis}_min_masks", 0, 1 << 16, least));
    }

    /// <summary>hidden (rows·frames, hidden) gives the same shape.</summary>
    public Tensor Forward(Tensor hidden, long rows, long frames, long[]? valid, ForwardContext context)
    {
        if (!context.Training)
        {
            return hidden;
        }

        var width = _masked.size(0);
        if (_time.Share > 0 && _time.Length < frames)
        {
            var mask = tensor(_time.Draw(rows, frames, valid, context)).to(hidden.device).unsqueeze(1); // (rows·frames, 1)
            hidden = where(mask, _masked.unsqueeze(0), hidden);
        }

        if (_feature.Share > 0 && _feature.Length < width)
        {
            var keep = tensor(_feature.Draw(rows, width, null, context)).logical_not().to(hidden.dtype).to(hidden.device);
            hidden = (hidden.view(rows, frames, width) * keep.view(rows, 1, width)).view(rows * frames, width);
        }

        return hidden;
    }

    private readonly record struct Spans(double Share, int Length, int Least)
    {
        public bool[] Draw(long rows, long size, long[]? valid, ForwardContext context)
        {
            var mask = new bool[rows * size];
            var rounding = context.Uniform(); // one draw for the batch
            for (var row = 0L; row < rows; row++)
            {
                var length = valid?[row] ?? size;
                var count = Math.Max((long)((Share * length / Length) + rounding), Least);
                count = Math.Min(count, length / Length);
                count = Math.Min(count, Math.Max(length - Length + 1, 0));
                foreach (var start in Starts(count, length - Length + 1, context))
                {
                    Array.Fill(mask, true, (int)((row * size) + start), Length);
                }
            }

            return mask;
        }

        // Different places, drawn evenly.
        private static HashSet<long> Starts(long count, long places, ForwardContext context)
        {
            var starts = new HashSet<long>();
            for (var k = places - count; k < places; k++)
            {
                var drawn = (long)(context.Uniform() * (k + 1));
                starts.Add(starts.Contains(drawn) ? k : drawn);
            }

            return starts;
        }
    }
}
