using System.Globalization;
using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>Results of trials in a CSV file: what an experiment knows of earlier runs over the same space.</summary>
internal sealed class TrialHistory
{
    private const int FixedColumns = 5;
    private static readonly string[] Names = ["id", "loss", "durationInMilliseconds", "peakCpu", "peakMemoryInMegaByte"];

    private readonly string _file;
    private readonly SearchSpace.SearchSpace _space;
    private readonly List<TrialResult> _saved;
    private readonly List<TrialResult> _new = [];

    public TrialHistory(string file, SearchSpace.SearchSpace space, IChannel channel)
    {
        _file = file;
        _space = space;
        _saved = File.Exists(file) ? File.ReadLines(file).Index().Skip(1).Select(l => Read(l.Item, l.Index + 1)).ToList() : [];
        if (_saved.Count > 0)
            channel.Trace($"load trial history from {file} successfully with {_saved.Count} pieces of data");
    }

    public IEnumerable<TrialResult> Results => _saved.Concat(_new);

    public int NextTrial => Results.Select(r => r.TrialSettings.TrialId + 1).DefaultIfEmpty(0).Max();

    public void Add(TrialResult result) => _new.Add(result);

    /// <summary>Writes the file anew beside the old one and puts it in its place: a crash leaves the one or the other.</summary>
    public void Save()
    {
        var text = new StringBuilder();
        if (_saved.Count > 0)
            text.Append(File.ReadAllText(_file));
        else
            text.AppendJoin(',', Names.Concat(Enumerable.Range(0, _space.FeatureSpaceDim).Select(i => $"parameter_{i}"))).AppendLine();
        foreach (var result in _new.OrderBy(r => r.TrialSettings.TrialId))
            text.AppendLine(Line(result));
        string beside = _file + ".new";
        File.WriteAllText(beside, text.ToString());
        File.Move(beside, _file, overwrite: true);
        _saved.AddRange(_new);
        _new.Clear();
    }

    private string Line(TrialResult r)
    {
        string Number(double? value) => value?.ToString("F3", CultureInfo.InvariantCulture);
        var numbers = new[] { r.Loss, r.DurationInMilliseconds, r.PeakCpu, r.PeakMemoryInMegaByte }.Concat(_space.MappingToFeatureSpace(r.TrialSettings.Parameter).Select(p => (double?)p));
        return string.Join(',', numbers.Select(Number).Prepend(r.TrialSettings.TrialId.ToString(CultureInfo.InvariantCulture)));
    }

    private TrialResult Read(string line, int number)
    {
        string[] fields = line.Split(',');
        int width = FixedColumns + _space.FeatureSpaceDim;
        if (fields.Length != width)
            throw Contracts.ExceptDecode($"{_file}, line {number}: {fields.Length} fields, but trials of this search space have {width}. Delete the file or name another folder.");
        var values = new double[width];
        for (int i = 0; i < width; i++)
        {
            if (fields[i].Length > 0 && !double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]))
                throw Contracts.ExceptDecode($"{_file}, line {number}: '{fields[i]}' is no number. Delete the file or name another folder.");
        }
        if (values[0] is not (>= 0 and < int.MaxValue))
            throw Contracts.ExceptDecode($"{_file}, line {number}: '{fields[0]}' is no trial's number. Delete the file or name another folder.");
        return new TrialResult
        {
            TrialSettings = new TrialSettings { TrialId = (int)values[0], Parameter = _space.SampleFromFeatureSpace(values[FixedColumns..]) },
            Loss = values[1],
            DurationInMilliseconds = values[2],
            PeakCpu = values[3],
            PeakMemoryInMegaByte = values[4],
        };
    }
}
