using System.Text;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>Runs the statements of a template.</summary>
internal sealed class StatementRunner
{
    private const int MaxCalls = 100;
    private const int TurnCost = 20;

    private readonly ExpressionRunner _expressions;
    private readonly TemplateBudget _budget = new();
    private int _calls;

    public StatementRunner() => _expressions = new ExpressionRunner(_budget);

    private enum Leaving
    {
        No,
        Break,
        Continue,
    }

    public string Run(IReadOnlyList<Statement> statements, TemplateScope scope)
    {
        var output = new StringBuilder();
        Run(statements, scope, output);
        return output.ToString();
    }

    private Leaving Run(IReadOnlyList<Statement> statements, TemplateScope scope, StringBuilder output)
    {
        foreach (var statement in statements)
        {
            _budget.Step();
            TemplateBudget.CheckLength(output.Length);
            var leaving = Leaving.No;
            try
            {
                leaving = Run(statement, scope, output);
            }
            catch (FormatException e) when (!e.Message.StartsWith("line ", StringComparison.Ordinal))
            {
                throw new FormatException($"line {statement.Line}: {e.Message}.", e);
            }
            if (leaving != Leaving.No)
                return leaving;
        }
        return Leaving.No;
    }

    private Leaving Run(Statement statement, TemplateScope scope, StringBuilder output)
    {
        switch (statement)
        {
            case Output text:
                output.Append(text.Text);
                return Leaving.No;
            case Print print:
                output.Append(TemplateValue.ToText(_expressions.Evaluate(print.Value, scope)));
                return Leaving.No;
            case If choice:
                foreach (var (condition, body) in choice.Branches)
                {
                    if (TemplateValue.IsTrue(_expressions.Evaluate(condition, scope)))
                        return Run(body, scope, output);
                }
                return Run(choice.Otherwise, scope, output);
            case For loop:
                return RunLoop(loop, scope, output);
            case Set set:
                Assign(set, scope);
                return Leaving.No;
            case SetBlock set:
                var inner = new StringBuilder();
                Run(set.Body, new TemplateScope(scope), inner);
                scope.Set(set.Name, inner.ToString());
                return Leaving.No;
            case Macro macro:
                scope.Set(macro.Name, Function(macro, scope));
                return Leaving.No;
            case Block block:
                return RunBlock(block, scope, output);
            default:
                return ((Leave)statement).Again ? Leaving.Continue : Leaving.Break;
        }
    }

    private Leaving RunBlock(Block block, TemplateScope scope, StringBuilder output)
    {
        if (block.Filter == null)
            return Run(block.Body, scope, output);
        var inner = new StringBuilder();
        var leaving = Run(block.Body, new TemplateScope(scope), inner);
        output.Append(TemplateValue.ToText(_expressions.ApplyFilter(block.Filter, inner.ToString(), scope)));
        return leaving;
    }

    private Leaving RunLoop(For loop, TemplateScope scope, StringBuilder output)
    {
        var items = TemplateValue.Items(_expressions.Evaluate(loop.Source, scope));
        if (loop.Condition != null)
        {
            items = [.. items.Where(item =>
            {
                var inner = new TemplateScope(scope);
                Bind(loop.Names, item, inner);
                return TemplateValue.IsTrue(_expressions.Evaluate(loop.Condition, inner));
            })];
        }
        if (items.Count == 0)
            return Run(loop.Otherwise, scope, output);
        for (var i = 0; i < items.Count; i++)
        {
            _budget.Step(TurnCost);
            var inner = new TemplateScope(scope);
            inner.Set("loop", LoopFields(items, i));
            Bind(loop.Names, items[i], inner);
            if (Run(loop.Body, inner, output) == Leaving.Break)
                break;
        }
        return Leaving.No;
    }

    private static TemplateMap LoopFields(List<object?> items, int index)
    {
        TemplateFunction cycle = (positional, _) => positional.Count > 0 ? positional[index % positional.Count] : throw new FormatException("cycle needs values");
        return new TemplateMap
        {
            ["index"] = (long)index + 1,
            ["index0"] = (long)index,
            ["revindex"] = (long)items.Count - index,
            ["revindex0"] = (long)items.Count - index - 1,
            ["first"] = index == 0,
            ["last"] = index == items.Count - 1,
            ["length"] = (long)items.Count,
            ["previtem"] = index > 0 ? items[index - 1] : new Undefined("loop.previtem"),
            ["nextitem"] = index + 1 < items.Count ? items[index + 1] : new Undefined("loop.nextitem"),
            ["cycle"] = cycle,
        };
    }

    private void Assign(Set set, TemplateScope scope)
    {
        var value = _expressions.Evaluate(set.Value, scope);
        if (set.Field == null)
        {
            Bind(set.Names, value, scope);
            return;
        }
        if (scope.Get(set.Names[0]) is not TemplateNamespace target)
            throw new FormatException($"'{set.Names[0]}' is no namespace, so its fields cannot be set");
        target.Fields[set.Field] = value;
    }

    private static void Bind(IReadOnlyList<string> names, object? value, TemplateScope scope)
    {
        if (names.Count == 1)
        {
            scope.Set(names[0], value);
            return;
        }
        var items = TemplateValue.Items(value);
        if (items.Count != names.Count)
            throw new FormatException($"{items.Count} values cannot be given to {names.Count} names");
        for (var i = 0; i < names.Count; i++)
            scope.Set(names[i], items[i]);
    }

    private TemplateFunction Function(Macro macro, TemplateScope scope) => (positional, named) =>
    {
        if (++_calls > MaxCalls)
            throw new FormatException($"macros call each other more than {MaxCalls} deep");
        if (positional.Count > macro.Parameters.Count)
            throw new FormatException($"the macro '{macro.Name}' takes {macro.Parameters.Count} values, not {positional.Count}");
        var inner = new TemplateScope(scope);
        for (var i = 0; i < macro.Parameters.Count; i++)
        {
            var (name, fallback) = macro.Parameters[i];
            if (i < positional.Count)
                inner.Set(name, positional[i]);
            else if (named.Remove(name, out var value))
                inner.Set(name, value);
            else
                inner.Set(name, fallback == null ? new Undefined(name) : _expressions.Evaluate(fallback, inner));
        }
        if (named.Count > 0)
            throw new FormatException($"the macro '{macro.Name}' has no parameter '{named.Keys.First()}'");
        var text = Run(macro.Body, inner);
        _calls--;
        return text;
    };
}
