using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Bench.Claims.Paca;

/// <summary>PaCA (Woo et al. 2025, arXiv:2503.01905): training some columns in place keeps less for the backward pass than LoRA, takes less time, and is as good.</summary>
/// <remarks>LoRA of rank 8 and PaCA of 16 columns on every linear layer. What is kept for the backward pass is measured on a chain of 16 linear layers, and peak and time on
/// models/bert-docs with 16 rows of 256 tokens, where the specification has a decoder of its own; accuracy on debian-sections stands for the loss of a language model. With
/// --device cuda the figures are those of libtorch's allocator, on the CPU those of the process's resident memory, which other buffers of the library make larger. The columns
/// are written through to the base weight after each step, as in the paper; this is a part of the step and its time.</remarks>
internal sealed class PacaClaim : IClaim
{
    private const int Rows = 1000;
    private const int Epochs = 5;
    private const int BatchRows = 16;
    private const int Length = 256;
    private const int Rounds = 5;

    private static readonly LoraOptions s_lora = new() { Rank = 8, Alpha = 16, TargetModules = TargetModules.AllLinear };
    private static readonly PacaOptions s_paca = new() { Rank = 16, Alpha = 8, TargetModules = TargetModules.AllLinear, WritesThrough = true };

    public string Method => "paca";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        using (var paca = new Training(settings, s_paca))
        using (var lora = new Training(settings, s_lora))
        {
            yield return Time(settings, paca, lora);
        }

        yield return Accuracy(settings);
        MemoryMeter.Settle(); // after what is timed
        yield return Kept(settings);
        using (var paca = new Training(settings, s_paca))
        using (var lora = new Training(settings, s_lora))
        {
            yield return Peak(settings, paca, lora);
        }
    }

    private ClaimResult Time(ClaimSettings settings, Training paca, Training lora)
    {
        var onCpu = settings.Device == "cpu";
        var ratio = StepClock.Ratio(settings.Device, paca.Step, lora.Step, Rounds, settings.Steps(onCpu ? 6 : 60));
        return new(
            Method,
            onCpu ? "on the CPU a step of bert-docs with 16 rows of 256 tokens takes no more processor time than LoRA's" : "on a GPU a step of bert-docs with 16 rows of 256 tokens takes at least 10 % less time than LoRA's",
            string.Create(CultureInfo.InvariantCulture, $"{ratio.ToString("F2")} times LoRA's, over {Rounds} rounds"),
            ClaimResult.Of(ratio.Mean <= (onCpu ? 1.02 : 0.9)));
    }

    private ClaimResult Accuracy(ClaimSettings settings)
    {
        var task = new TextTask(settings, Rows);
        var lora = TextArm.Train(task, settings, s_lora, TextArm.UsualRates, Epochs);
        var ours = TextArm.Train(task, settings, s_paca, [1e-2, 3e-2, 1e-1], Epochs);
        return new(
            Method,
            "debian-sections with 1,000 rows (in place of the loss of a language model): its accuracy is at most 2 points below LoRA's",
            $"{ours.Above(lora).ToString("F1")} points: PaCA {ours}, LoRA {lora}; loss on test rows {ours.HeldLoss} and {lora.HeldLoss}",
            ClaimResult.Of(ours.Above(lora).Mean >= -2));
    }

    private ClaimResult Peak(ClaimSettings settings, Training paca, Training lora)
    {
        var (ours, theirs) = (new List<double>(), new List<double>());
        foreach (var _ in settings.SeedNumbers)
        {
            ours.Add(MemoryMeter.Peak(settings.Device, paca.Step));
            theirs.Add(MemoryMeter.Peak(settings.Device, lora.Step));
        }

        var saving = 1 - (ours.Average() / theirs.Average());
        return new(
            Method,
            "a training step of bert-docs (in place of a decoder) with 16 rows of 256 tokens takes at least 10 % less memory beyond the weights",
            string.Create(CultureInfo.InvariantCulture, $"{saving:P0} less on {settings.Device}: PaCA {Interval.Of(ours).ToString("F1")} MiB, LoRA {Interval.Of(theirs).ToString("F1")} MiB"),
            ClaimResult.Of(saving >= 0.1));
    }

    private ClaimResult Kept(ClaimSettings settings)
    {
        var (paca, lora) = (new List<double>(), new List<double>());
        foreach (var _ in settings.SeedNumbers)
        {
            paca.Add(KeptByChain(s_paca, settings.Device));
            lora.Add(KeptByChain(s_lora, settings.Device));
        }

        var saving = 1 - (paca.Average() / lora.Average());
        return new(
            Method,
            "a chain of 16 linear layers, 256 and 1024 wide in turn, 4,096 tokens: at least 80 % less is kept for the backward pass",
            string.Create(CultureInfo.InvariantCulture, $"{saving:P0} less: PaCA {Interval.Of(paca).ToString("F1")} MiB, LoRA {Interval.Of(lora).ToString("F1")} MiB"),
            ClaimResult.Of(saving >= 0.8));
    }

    private static double KeptByChain(AdapterOptions options, string device)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var weights = Enumerable.Range(0, 16)
            .Select(k => new LinearWeight($"layer.{k}", (k % 2 == 0 ? RandomMatrices.Dense(1024, 256) : RandomMatrices.Dense(256, 1024)).to(device))).ToList();
        using var fit = new LayerFit(options, weights, 1);
        using var method = fit.Adapter.CreateTraining();
        var x = randn(BatchRows * Length, 256).to(device);
        Forward().backward(); // what the library makes once
        var before = MemoryMeter.Held(device);
        var loss = Forward();
        var kept = MemoryMeter.Held(device) - before;
        loss.backward();
        return kept;

        Tensor Forward()
        {
            using var inner = NewDisposeScope(); // only what the graph holds stays
            var y = x;
            foreach (var layer in fit.Layers)
            {
                y = layer.call(y);
            }

            return y.mean().MoveToOuterDisposeScope();
        }
    }

    /// <summary>Steps on random tokens with models/bert-docs.</summary>
    private sealed class Training : IDisposable
    {
        private readonly TextClassifier _model;
        private readonly ForwardContext _context;
        private readonly FlatAdamW _optimizer;
        private readonly AdapterTraining? _method;
        private readonly TokenBatch _tokens;
        private readonly Tensor _labels;

        public Training(ClaimSettings settings, AdapterOptions options)
        {
            var device = new Device(settings.Device);
            _model = TextClassifier.Load(
                settings.Model("bert-docs"), new() { Adapter = options, Labels = ["first", "second"], MaxLength = Length, Device = settings.Device });
            _context = ForwardContext.Predicting(_model.Adapter); // no dropout on either side
            _optimizer = new FlatAdamW(_model.Adapter.TrainedParameters());
            _method = _model.Adapter.CreateTraining();
            var random = new Random(1);
            _tokens = new TokenBatch(
                [.. Enumerable.Range(0, BatchRows).Select(_ => Enumerable.Range(0, Length).Select(_ => random.Next(1000, 8000)).ToArray())], 0, device: device);
            _labels = tensor([.. Enumerable.Range(0, BatchRows).Select(k => (long)(k % 2))], device: device).DetachFromDisposeScope();
            Step(); // what the library makes once
        }

        public void Step()
        {
            using var scope = NewDisposeScope();
            var loss = nn.functional.cross_entropy(_model.Logits(_tokens, _context), _labels);
            TrainingStep.Apply(loss, _model.Adapter, _optimizer, _method, new TrainingPoint(0, 1, 1e-4), maxGradientNorm: 1);
        }

        public void Dispose()
        {
            _method?.Dispose();
            _optimizer.Dispose();
            _context.Dispose();
            _tokens.Dispose();
            _labels.Dispose();
            _model.Dispose();
        }
    }
}
