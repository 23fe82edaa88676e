using Microsoft.ML.AutoML.CodeGen;

namespace Microsoft.ML.AutoML;

/// <summary>Draws pipelines: the less an improvement of one is expected to cost, the more often.</summary>
/// <remarks>The estimated cost for improvement of Wang, Wu, Weimer and Zhu, FLAML, arXiv:1911.04706, with the real library's start values.</remarks>
internal sealed class PipelineChoice
{
    /// <summary>What trainers cost before anything is known, relative to each other.</summary>
    private static readonly Dictionary<EstimatorType, double> FirstCost = new()
    {
        [EstimatorType.LightGbmRegression] = 0.788,
        [EstimatorType.FastTreeRegression] = 0.382,
        [EstimatorType.FastForestRegression] = 0.374,
        [EstimatorType.SdcaRegression] = 0.566,
        [EstimatorType.FastTreeTweedieRegression] = 0.401,
        [EstimatorType.LbfgsPoissonRegressionRegression] = 4.73,
        [EstimatorType.FastForestOva] = 4.283,
        [EstimatorType.FastTreeOva] = 3.701,
        [EstimatorType.LightGbmMulti] = 4.765,
        [EstimatorType.SdcaMaximumEntropyMulti] = 10.129,
        [EstimatorType.SdcaLogisticRegressionOva] = 13.16,
        [EstimatorType.LbfgsMaximumEntropyMulti] = 7.98,
        [EstimatorType.LbfgsLogisticRegressionOva] = 11.513,
        [EstimatorType.LightGbmBinary] = 4.765,
        [EstimatorType.FastTreeBinary] = 3.701,
        [EstimatorType.FastForestBinary] = 4.283,
        [EstimatorType.SdcaLogisticRegressionBinary] = 13.16,
        [EstimatorType.LbfgsLogisticRegressionBinary] = 11.513,
    };

    private readonly Random _random;
    private readonly List<string> _schemas;
    private readonly Dictionary<string, Record> _records;
    private double _bestLoss;
    private bool _anySuccess;
    private bool _started;

    public PipelineChoice(SweepablePipeline pipeline, int? seed)
    {
        _random = seed is int s ? new Random(s) : new Random();
        _schemas = [.. pipeline.Schemas];
        _records = _schemas.ToDictionary(s => s, s => new Record(StartCost(s, pipeline)));
    }

    /// <summary>What is known of one pipeline: its last two bests and the seconds spent on each.</summary>
    private sealed class Record(double startCost)
    {
        public double StartCost { get; } = startCost;
        public double Cost { get; set; } = startCost;
        public double Seconds { get; set; }
        public double SecondsBefore { get; set; }
        public double Loss { get; set; }
        public double LossBefore { get; set; }
    }

    private static double StartCost(string schema, SweepablePipeline pipeline) => Entity.FromExpression(schema).Names
        .Select(n => FirstCost.GetValueOrDefault(pipeline.Estimators[n].EstimatorType, 1)).FirstOrDefault(c => c != 1, 1);

    public string Next()
    {
        if (!_started)
        {
            _started = true;
            return _schemas.MinBy(s => _records[s].Cost);
        }
        // Never zero, so that something can be drawn when every cost is infinite.
        var weights = _schemas.Select(s => 1 / _records[s].Cost + double.Epsilon).ToArray();
        double left = _random.NextDouble(), total = weights.Sum();
        for (int i = 0; i < weights.Length; i++)
        {
            left -= weights[i] / total;
            if (left < 0)
                return _schemas[i];
        }
        return _schemas[^1];
    }

    public void Learn(string schema, TrialResult result)
    {
        _started = true;
        if (!_records.TryGetValue(schema, out var record))
            return;
        double loss = result.Loss, seconds = result.DurationInMilliseconds / 1000;
        if (seconds == 0 || !double.IsFinite(loss))
        {
            record.Cost = _records.Values.Max(r => r.Cost) * 2;
            return;
        }
        if (!_anySuccess)
        {
            _anySuccess = true;
            _bestLoss = loss;
            // Until they are tried, the others are taken to be as good, and as dear as their start costs say.
            foreach (var other in _records.Values)
            {
                other.Seconds = other.SecondsBefore = seconds * other.StartCost / record.StartCost;
                other.Loss = loss;
                other.LossBefore = loss + 0.05 * Math.Abs(loss);
            }
        }
        else if (loss < record.Loss)
        {
            (record.SecondsBefore, record.Seconds) = (record.Seconds, seconds);
            (record.LossBefore, record.Loss) = (record.Loss, loss);
            _bestLoss = Math.Min(_bestLoss, loss);
        }
        else
        {
            record.Seconds += seconds;
        }
        double speed = (record.LossBefore - record.Loss) / (record.SecondsBefore + record.Seconds);
        double toTheBest = (2 * (loss - _bestLoss) + double.Epsilon) / (speed + double.Epsilon);
        record.Cost = Math.Max(Math.Max(record.Seconds, record.SecondsBefore), toTheBest);
    }
}
