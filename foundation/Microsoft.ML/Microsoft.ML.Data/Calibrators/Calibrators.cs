using System.Globalization;
using Microsoft.ML.Calibrators;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("PlattCaliExec", typeof(PlattCalibrator))]

namespace Microsoft.ML.Calibrators;

/// <summary>Turns a score into a probability.</summary>
public interface ICalibrator
{
    float PredictProbability(float output);
}

/// <summary>A logistic curve over the score: 1 / (1 + exp(Slope · score + Offset)).</summary>
public sealed class PlattCalibrator : ICalibrator, ICanSaveModel
{
    private static readonly VersionInfo Version = new("PLATTCAL", 0x00010001, 0x00010001, 0x00010001, "PlattCaliExec", VersionInfo.DataAssembly);

    internal PlattCalibrator(double slope, double offset)
    {
        Slope = slope;
        Offset = offset;
    }

    public double Slope { get; }

    public double Offset { get; }

    public float PredictProbability(float output) => float.IsNaN(output) ? output : (float)(1 / (1 + Math.Exp(Slope * output + Offset)));

    private static PlattCalibrator Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        double slope = ctx.Reader.ReadDouble(), offset = ctx.Reader.ReadDouble();
        Contracts.CheckDecode(double.IsFinite(slope) && double.IsFinite(offset));
        return new PlattCalibrator(slope, offset);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(Version);
        ctx.Writer.Write(Slope);
        ctx.Writer.Write(Offset);
        ctx.SaveText("Calibrator.txt", writer =>
        {
            writer.WriteLine("Platt calibrator");
            writer.WriteLine("P(y=1|x) = 1/1+exp(A*x + B)");
            writer.WriteLine("A=" + Slope.ToString("R", CultureInfo.InvariantCulture));
            writer.WriteLine("B=" + Offset.ToString("R", CultureInfo.InvariantCulture));
        });
    }
}
