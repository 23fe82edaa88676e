using System.Collections;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: Microsoft.ML.LoadableClass("TransformerChain", typeof(TransformerChain))]

namespace Microsoft.ML.Data;

/// <summary>Steps applied one after the other.</summary>
public sealed class TransformerChain<TLastTransformer> : ITransformer, IEnumerable<ITransformer>, IDisposable
    where TLastTransformer : class, ITransformer
{
    private readonly ITransformer[] _steps;
    private readonly TransformerScope[] _scopes;
    private bool _disposed;

    public readonly TLastTransformer LastTransformer;

    public TransformerChain(IEnumerable<ITransformer> transformers, IEnumerable<TransformerScope> scopes)
    {
        Contracts.CheckValue(transformers, nameof(transformers));
        Contracts.CheckValue(scopes, nameof(scopes));
        _steps = transformers.ToArray();
        _scopes = scopes.ToArray();
        LastTransformer = _steps.LastOrDefault() as TLastTransformer;
        Contracts.Check((_steps.Length > 0) == (LastTransformer is not null));
        Contracts.Check(_steps.Length == _scopes.Length);
    }

    public TransformerChain(params ITransformer[] transformers)
    {
        _steps = transformers ?? [];
        _scopes = Enumerable.Repeat(TransformerScope.Everything, _steps.Length).ToArray();
        LastTransformer = _steps.LastOrDefault() as TLastTransformer;
        Contracts.Check((_steps.Length > 0) == (LastTransformer is not null));
    }

    public IDataView Transform(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        return Transform(input, TransformerScope.Scoring);
    }

    public IDataView Transform(IDataView input, TransformerScope scope)
    {
        Contracts.CheckValue(input, nameof(input));
        // The schemas are checked first, so that a step that does not fit is told before anything is read.
        GetOutputSchema(input.Schema, scope);
        var view = input;
        foreach (var step in StepsOf(scope))
            view = step.Transform(view);
        return view;
    }

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => GetOutputSchema(inputSchema, TransformerScope.Scoring);

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema, TransformerScope scope)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        var schema = inputSchema;
        foreach (var step in StepsOf(scope))
            schema = step.GetOutputSchema(schema);
        return schema;
    }

    public TransformerChain<ITransformer> GetModelFor(TransformerScope scopeFilter)
    {
        var kept = Enumerable.Range(0, _steps.Length).Where(i => (_scopes[i] & scopeFilter) != TransformerScope.None).ToArray();
        return new TransformerChain<ITransformer>(kept.Select(i => _steps[i]), kept.Select(i => _scopes[i]));
    }

    public TransformerChain<TNewLast> Append<TNewLast>(TNewLast transformer, TransformerScope scope = TransformerScope.Everything)
        where TNewLast : class, ITransformer
    {
        Contracts.CheckValue(transformer, nameof(transformer));
        return new TransformerChain<TNewLast>(_steps.Append(transformer), _scopes.Append(scope));
    }

    public IEnumerator<ITransformer> GetEnumerator() => ((IEnumerable<ITransformer>)_steps).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private IEnumerable<ITransformer> StepsOf(TransformerScope scope) => _steps.Where((_, i) => (_scopes[i] & scope) != TransformerScope.None);

    bool ITransformer.IsRowToRowMapper => _steps.All(t => t.IsRowToRowMapper);

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        Contracts.Check(((ITransformer)this).IsRowToRowMapper, "GetRowToRowMapper method called despite IsRowToRowMapper being false.");
        var mappers = new List<IRowToRowMapper>();
        var schema = inputSchema;
        foreach (var step in StepsOf(TransformerScope.Scoring))
        {
            var mapper = step.GetRowToRowMapper(schema);
            mappers.Add(mapper);
            schema = mapper.OutputSchema;
        }
        return new ComposedMapper(inputSchema, mappers);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(TransformerChain.Version);
        ctx.Writer.Write(_steps.Length);
        for (int i = 0; i < _steps.Length; i++)
        {
            ctx.Writer.Write((int)_scopes[i]);
            ctx.SaveModel(_steps[i], TransformerChain.FolderOf(i));
        }
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        foreach (var step in _steps)
            (step as IDisposable)?.Dispose();
    }
}

/// <summary>What chains of any last step share.</summary>
internal static class TransformerChain
{
    public static readonly VersionInfo Version =
        new("XF CHAIN", 0x00010001, 0x00010001, 0x00010001, "TransformerChain", VersionInfo.DataAssembly);

    public static string FolderOf(int step) => $"Transform_{step:000}";

    public static TransformerChain<ITransformer> Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        int n = ctx.ReadCount(4);
        var scopes = new TransformerScope[n];
        for (int i = 0; i < n; i++)
            scopes[i] = (TransformerScope)ctx.Reader.ReadInt32();
        var steps = new ITransformer[n];
        for (int i = 0; i < n; i++)
            steps[i] = ctx.LoadModel<ITransformer>(env, FolderOf(i));
        return new TransformerChain<ITransformer>(steps, scopes);
    }
}
