using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>Six steps on a small quadratic against PyTorch 1.13's numbers.</summary>
[TestClass]
public sealed class OptimizerTests : LeakCheckedTests
{
    private static Parameter Start() => new(tensor(new float[] { 1, -2, 3 }));

    private static Tensor Run(Parameter p, optim.Optimizer optimizer, int steps = 6)
    {
        var scale = tensor(new float[] { 1, 2, 0.5f });
        for (int k = 0; k < steps; k++)
        {
            optimizer.zero_grad();
            (p * p * scale).sum().backward();
            optimizer.step();
        }
        optimizer.Dispose();
        return p;
    }

    [TestMethod]
    public void Sgd()
    {
        var p = Start();
        AreClose(Numbers.Sgd, Run(p, optim.SGD([p], 0.1)));
    }

    [TestMethod]
    public void SgdWithMomentum()
    {
        var p = Start();
        AreClose(Numbers.SgdMomentum, Run(p, optim.SGD([p], 0.1, momentum: 0.9, weight_decay: 0.01)));
        var q = Start();
        AreClose(Numbers.SgdNesterov, Run(q, optim.SGD([q], 0.1, momentum: 0.9, nesterov: true)));
    }

    [TestMethod]
    public void Adam()
    {
        var p = Start();
        AreClose(Numbers.Adam, Run(p, optim.Adam([p], 0.1, weight_decay: 0.01)));
        var q = Start();
        AreClose(Numbers.AdamAmsgrad, Run(q, optim.Adam([q], 0.1, amsgrad: true)));
    }

    [TestMethod]
    public void AdamW()
    {
        var p = Start();
        AreClose(Numbers.AdamW, Run(p, optim.AdamW([p], 0.1, weight_decay: 0.1)));
    }

    [TestMethod]
    public void Others()
    {
        var p = Start();
        AreClose(Numbers.RMSProp, Run(p, optim.RMSProp([p], 0.1)), 1e-4);
        p = Start();
        AreClose(Numbers.RMSPropMomentum, Run(p, optim.RMSProp([p], 0.05, momentum: 0.9, centered: true, weight_decay: 0.01)), 1e-4);
        p = Start();
        AreClose(Numbers.Adagrad, Run(p, optim.Adagrad([p], 0.1, lr_decay: 0.01)));
        p = Start();
        AreClose(Numbers.RAdam, Run(p, optim.RAdam([p], 0.1, weight_decay: 0.01)));
        p = Start();
        AreClose(Numbers.NAdam, Run(p, optim.NAdam([p], 0.1, weight_decay: 0.01)));
    }

    [TestMethod]
    public void GroupsHaveTheirOwnRates()
    {
        var a = Start();
        var b = Start();
        using var optimizer = optim.AdamW([new AdamW.ParamGroup([a], lr: 0.1), new AdamW.ParamGroup([b], lr: 0)]);
        (a.sum() + b.sum()).backward();
        optimizer.step();
        AreClose([0.9f, -2.1f, 2.9f], a, 1e-4);
        AreClose([1, -2, 3], b);
        Assert.AreEqual(2, optimizer.ParamGroups.Count());
    }

    [TestMethod]
    public void StateGoesRoundTrip()
    {
        var p = Start();
        var first = optim.AdamW([p], 0.1);
        p.sum().backward();
        first.step();
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        first.save_state_dict(writer);
        var q = new Parameter(p.detach().clone());
        q.grad = p.grad;
        var second = optim.AdamW([q], 0.5);
        stream.Position = 0;
        using var reader = new BinaryReader(stream);
        second.load_state_dict(reader);
        first.step();
        second.step();
        Assert.IsTrue(p.Equals(q));
        first.Dispose();
        second.Dispose();
    }

    [TestMethod]
    public void ZeroGradFillsAndTheModulesRemoves()
    {
        using var linear = nn.Linear(2, 1);
        linear.call(ones(1, 2)).sum().backward();
        using var optimizer = optim.SGD(linear.parameters().ToArray(), 0.1);
        optimizer.zero_grad();
        AreClose([0, 0], linear.weight.grad!);
        linear.zero_grad();
        Assert.IsNull(linear.weight.grad);
    }

    private static double[] Rates(Func<optim.Optimizer, optim.lr_scheduler.LRScheduler> make, int steps = 7)
    {
        var p = Start();
        using var optimizer = optim.SGD([p], 1.0, momentum: 0.9);
        var scheduler = make(optimizer);
        var rates = new double[steps];
        for (int k = 0; k < steps; k++)
        {
            if (k > 0) scheduler.step();
            rates[k] = optimizer.ParamGroups.First().LearningRate;
        }
        return rates;
    }

    private static void Same(double[] expected, double[] actual)
    {
        for (int k = 0; k < expected.Length; k++) Assert.AreEqual(expected[k], actual[k], 1e-9, $"step {k} of [{string.Join(", ", actual)}]");
    }

    [TestMethod]
    public void Schedulers()
    {
        Same([1, 1, 0.5, 0.5, 0.25, 0.25, 0.125], Rates(o => optim.lr_scheduler.StepLR(o, 2, 0.5)));
        Same([1, 0.5, 0.5, 0.25, 0.25], Rates(o => optim.lr_scheduler.MultiStepLR(o, [1, 3], 0.5), 5));
        Same([1, 0.9, 0.81, 0.729], Rates(o => optim.lr_scheduler.ExponentialLR(o, 0.9), 4));
        Same([1, 1.0 / 2, 1.0 / 3], Rates(o => optim.lr_scheduler.LambdaLR(o, e => 1.0 / (e + 1)), 3));
        Same([0.25, 0.25, 1, 1], Rates(o => optim.lr_scheduler.ConstantLR(o, 0.25, 2), 4));
        Same([0.5, 0.625, 0.75, 0.875, 1, 1], Rates(o => optim.lr_scheduler.LinearLR(o, 0.5, 1, 4), 6));
        Same([1, 0.8535533905932737, 0.5, 0.14644660940672627, 0, 0.14644660940672627, 0.5], Rates(o => optim.lr_scheduler.CosineAnnealingLR(o, 4)));
        Same([1, 0.75, 0.5, 0.25, 0, 0], Rates(o => optim.lr_scheduler.PolynomialLR(o, 4), 6));
    }

    // Recorded from PyTorch 1.13.
    [TestMethod]
    public void OneCycle()
    {
        Same([0.04, 0.52, 1, 0.9504846320134737, 0.8117456539497631, 0.6112620219362893, 0.38874197806371075, 0.18825834605023697, 0.049519367986526286, 4e-06],
            Rates(o => optim.lr_scheduler.OneCycleLR(o, 1.0, total_steps: 10), 10));
        Same([0.04, 0.52, 1, 0.52, 0.04, 0.0320008, 0.0240016, 0.0160024, 0.0080032, 4e-06],
            Rates(o => optim.lr_scheduler.OneCycleLR(o, 1.0, total_steps: 10, three_phase: true, anneal_strategy: optim.lr_scheduler.impl.OneCycleLR.AnnealStrategy.Linear), 10));
        var p = Start();
        using var optimizer = optim.SGD([p], 1.0, momentum: 0.9);
        var scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps: 10);
        scheduler.step();
        scheduler.step();
        scheduler.step();
        Assert.AreEqual(0.854951556604879, ((optim.IMomentum)optimizer.ParamGroups.First()).Momentum, 1e-12);
    }

    // Recorded from PyTorch 1.13.
    [TestMethod]
    public void Cyclic()
    {
        Same(Numbers.Triangular, Rates(o => optim.lr_scheduler.CyclicLR(o, 0.1, 0.9, step_size_up: 2, step_size_down: 3), 12));
        Same(Numbers.Triangular2, Rates(o => optim.lr_scheduler.CyclicLR(o, 0.1, 0.9, step_size_up: 2, mode: optim.lr_scheduler.impl.CyclicLR.Mode.Triangular2), 12));
        Same(Numbers.ExpRange, Rates(o => optim.lr_scheduler.CyclicLR(o, 0.1, 0.9, step_size_up: 3, mode: optim.lr_scheduler.impl.CyclicLR.Mode.ExpRange, gamma: 0.9), 12));
        var p = Start();
        using var optimizer = optim.SGD([p], 1.0, momentum: 0.5);
        var scheduler = optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.9, step_size_up: 2, base_momentum: 0.7, max_momentum: 0.95);
        var momenta = new double[5];
        for (int k = 0; k < momenta.Length; k++)
        {
            if (k > 0) scheduler.step();
            momenta[k] = ((optim.IMomentum)optimizer.ParamGroups.First()).Momentum;
        }
        Same(Numbers.CyclicMomentum, momenta);
        using var plain = optim.Adagrad([p], 0.1);
        Assert.ThrowsExactly<ArgumentException>(() => optim.lr_scheduler.CyclicLR(plain, 0.1, 0.9));
    }

    [TestMethod]
    public void OnAPlateauTheRateFalls()
    {
        var p = Start();
        using var optimizer = optim.SGD([p], 1.0);
        var scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor: 0.5, patience: 1);
        var rates = new List<double>();
        foreach (double loss in new[] { 3.0, 2, 2, 2, 1, 1, 1 })
        {
            scheduler.step(loss);
            rates.Add(optimizer.ParamGroups.First().LearningRate);
        }
        Same([1, 1, 1, 0.5, 0.5, 0.5, 0.25], [.. rates]);
        Assert.ThrowsExactly<InvalidOperationException>(scheduler.step);
    }

    [TestMethod]
    public void SequentialSwitchesAtItsMilestones() =>
        Same([0.1, 0.1, 1, 0.5, 0.25], Rates(o => optim.lr_scheduler.SequentialLR(o,
            [optim.lr_scheduler.ConstantLR(o, 0.1, 10), optim.lr_scheduler.ExponentialLR(o, 0.5)], [2]), 5));
}
