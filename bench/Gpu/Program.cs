using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Native;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

// Gpu <model folder> <case> <rows> <length> <steps> [targets]: times LoRA training steps in bf16 and prints one line of JSON per mode.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
var (folder, name, rows, length, steps) = (args[0], args[1], int.Parse(args[2]), int.Parse(args[3]), int.Parse(args[4]));
var targets = args.Length > 5 ? args[5] == "all-linear" ? TargetModules.AllLinear : TargetModules.Named(args[5].Split(',')) : null;
var kind = name.StartsWith("llama", StringComparison.Ordinal) ? HeadKind.CausalLanguageModel
    : name.StartsWith("vit", StringComparison.Ordinal) ? HeadKind.ImageClassification : HeadKind.SequenceClassification;
using var model = PretrainedModel.Load(folder, kind, kind == HeadKind.SequenceClassification ? 2 : null, seed: 0, Placement.On("cuda"));
var copies = kind == HeadKind.CausalLanguageModel ? new CopiedModules([], []) : new CopiedModules(model.Head.TrainedModules, []);
using var adapter = AdapterSet.Create("default", new LoraOptions { Rank = 8, Alpha = 16, TargetModules = targets }, model.Backbone, copies, 0);
using var context = ForwardContext.Predicting(adapter); // no dropout, as on the other side
using var optimizer = new FlatAdamW(adapter.TrainedParameters());
var device = new Device(DeviceType.CUDA, 0);
using var inputs = Inputs();
using var labels = Labels();
using var lossOut = zeros([1], device: device).DetachFromDisposeScope();

foreach (var graph in (bool[])[false, true])
{
    Measure(graph);
}

ModelInputs Inputs()
{
    random.manual_seed(0);
    if (kind == HeadKind.ImageClassification)
    {
        return new ModelInputs { Values = randn([rows, 3, length, length]).to(ScalarType.BFloat16, device).DetachFromDisposeScope() };
    }

    var random2 = new Random(0);
    var ids = Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, length).Select(_ => random2.Next(1000, 30000)).ToArray()).ToArray();
    return new ModelInputs { Tokens = new TokenBatch(ids, 0, device: device) };
}

Tensor Labels() => (kind == HeadKind.CausalLanguageModel
    ? inputs.Tokens!.Ids.reshape(rows, length).clone()
    : tensor(Enumerable.Range(0, rows).Select(k => (long)(k % 2)).ToArray(), device: device)).DetachFromDisposeScope();

void Step()
{
    using var scope = NewDisposeScope();
    foreach (var (_, parameter) in adapter.Parameters())
    {
        parameter.grad = null;
    }

    var loss = model.Loss(inputs, new(labels), context);
    loss.backward();
    using var _ = no_grad();
    lossOut.copy_(loss.detach().reshape(1));
}

void Measure(bool graph)
{
    try
    {
        DeviceMemory.EmptyCache();
        DeviceMemory.ResetPeak(0);
        using var captured = graph ? new CudaGraph(Step) : null;
        Action work = captured is null ? Step : captured.Replay;
        for (var k = 0; k < 60; k++) // until the runtime has compiled what it calls often
        {
            work();
            optimizer.Step(1e-4, 1, keepGradients: true);
        }

        cuda.synchronize();
        if (!graph) // a graph's memory is taken in the capture
        {
            DeviceMemory.ResetPeak(0);
        }

        var times = new double[steps];
        for (var k = 0; k < steps; k++)
        {
            var clock = Stopwatch.StartNew();
            work();
            optimizer.Step(1e-4, 1, keepGradients: true);
            cuda.synchronize();
            times[k] = clock.Elapsed.TotalMilliseconds;
        }

        Array.Sort(times);
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            side = "ours",
            @case = name,
            mode = graph ? "cuda graph" : "eager",
            rows,
            length,
            step_ms = Math.Round(times[steps / 2], 2),
            peak_mib = DeviceMemory.Of(0).PeakAllocated >> 20,
            loss = lossOut.cpu().item<float>(),
            trainable = adapter.TrainableCount,
        }));
    }
    catch (Exception error) when (graph)
    {
        Console.WriteLine(JsonSerializer.Serialize(new { side = "ours", @case = name, mode = "cuda graph", error = error.Message.Split('\n')[0] }));
    }
}
