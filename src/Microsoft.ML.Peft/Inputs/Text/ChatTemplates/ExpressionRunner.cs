namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>Works out expressions, by Python's rules.</summary>
internal sealed class ExpressionRunner(TemplateBudget budget)
{
    public object? Evaluate(Expression expression, TemplateScope scope)
    {
        budget.Step();
        return expression switch
        {
            Constant constant => constant.Value,
            Variable variable => scope.Get(variable.Name),
            ListLiteral { IsTuple: true } tuple => new TemplateTuple(tuple.Items.Select(item => Evaluate(item, scope))),
            ListLiteral list => list.Items.Select(item => Evaluate(item, scope)).ToList(),
            MapLiteral map => MakeMap(map, scope),
            Member member => GetMember(Evaluate(member.Target, scope), Evaluate(member.Key, scope), member.ByName),
            Slice slice => GetSlice(slice, scope),
            Call call => RunCall(call, scope),
            Filter filter => ApplyFilter(filter, Evaluate(filter.Target!, scope), scope),
            Test test => RunTest(test, scope),
            Unary unary => RunUnary(unary, scope),
            Binary binary => RunBinary(binary, scope),
            Comparison comparison => RunComparison(comparison, scope),
            Choice choice => TemplateValue.IsTrue(Evaluate(choice.Condition, scope)) ? Evaluate(choice.Then, scope)
                : choice.Otherwise == null ? new Undefined("the value of an 'if' without 'else'") : Evaluate(choice.Otherwise, scope),
            _ => throw new FormatException($"{expression.GetType().Name} cannot be evaluated"),
        };
    }

    public object? ApplyFilter(Filter filter, object? value, TemplateScope scope)
    {
        var (positional, named) = Values(filter.Arguments, scope);
        return TemplateFilters.Apply(filter.Name, value, new TemplateArguments(filter.Name, positional, named), budget);
    }

    private TemplateMap MakeMap(MapLiteral literal, TemplateScope scope)
    {
        var map = new TemplateMap();
        foreach (var (key, value) in literal.Items)
            map[TemplateValue.ToText(Evaluate(key, scope))] = Evaluate(value, scope);
        return map;
    }

    /// <summary>A field, item or method of a value, or an undefined value.</summary>
    public static object? GetMember(object? target, object? key, bool byName)
    {
        switch (target)
        {
            case Undefined missing:
                throw new FormatException($"'{missing.Name}' is not defined, so it has no '{TemplateValue.ToText(key)}'");
            case TemplateNamespace space when key is string field:
                return space.Fields.TryGetValue(field, out var value) ? value : new Undefined(field);
            case TemplateMap map when key is string name:
                // As in Python, a method hides a key of its name from 'a.b', and a key hides it from 'a[b]'.
                if (byName && TemplateMethods.Find(target, name) is { } ownMethod)
                    return ownMethod;
                return map.TryGetValue(name, out var item) ? item : TemplateMethods.Find(target, name) ?? (object?)new Undefined(name);
            case List<object?> list when key is long or bool:
                var index = TemplateValue.ToLong(key);
                if (index < 0)
                    index += list.Count;
                return index >= 0 && index < list.Count ? list[(int)index] : new Undefined($"item {TemplateValue.ToText(key)}");
            case string text when key is long or bool:
                return GetMember(TemplateValue.Characters(text).ConvertAll<object?>(c => c), key, byName);
            default:
                return key is string method && TemplateMethods.Find(target, method) is { } found ? found : new Undefined(TemplateValue.ToText(key));
        }
    }

    private object? GetSlice(Slice slice, TemplateScope scope)
    {
        var target = Evaluate(slice.Target, scope);
        var items = target switch
        {
            List<object?> list => list,
            string text => TemplateValue.Characters(text).ConvertAll<object?>(c => c),
            _ => throw new FormatException($"{TemplateValue.KindOf(target)} cannot be sliced"),
        };
        var step = Bound(slice.Step) ?? 1;
        if (step == 0)
            throw new FormatException("a slice cannot have the step 0");
        var (lowest, highest) = step > 0 ? (0L, (long)items.Count) : (-1L, items.Count - 1L);
        var start = Place(Bound(slice.Start), step > 0 ? lowest : highest);
        var stop = Place(Bound(slice.Stop), step > 0 ? highest : lowest);
        var result = new List<object?>();
        for (var i = start; step > 0 ? i < stop : i > stop; i += step)
            result.Add(items[(int)i]);
        return target is string ? string.Concat(result) : result;

        long? Bound(Expression? bound) => bound == null || Evaluate(bound, scope) is not { } value ? null : TemplateValue.ToLong(value);

        long Place(long? bound, long fallback) => bound is not { } place ? fallback : Math.Clamp(place < 0 ? place + items.Count : place, lowest, highest);
    }

    private object? RunCall(Call call, TemplateScope scope)
    {
        var target = Evaluate(call.Target, scope);
        if (target is not TemplateFunction function)
        {
            var name = call.Target switch { Variable variable => variable.Name, Member { Key: Constant { Value: string key } } => key, _ => "the value" };
            throw new FormatException($"'{name}' cannot be called: it is {(target is Undefined ? "not known" : TemplateValue.KindOf(target))}");
        }
        var (positional, named) = Values(call.Arguments, scope);
        return function(positional, named);
    }

    private (List<object?> Positional, Dictionary<string, object?> Named) Values(Arguments arguments, TemplateScope scope)
    {
        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in arguments.Named)
            named[name] = Evaluate(value, scope);
        return ([.. arguments.Positional.Select(value => Evaluate(value, scope))], named);
    }

    private bool RunTest(Test test, TemplateScope scope)
    {
        var value = Evaluate(test.Target, scope);
        var (positional, _) = Values(test.Arguments, scope);
        return TemplateTests.Run(test.Name, value, positional) != test.Negated;
    }

    private object? RunUnary(Unary unary, TemplateScope scope)
    {
        var value = Evaluate(unary.Operand, scope);
        return unary.Operator switch
        {
            "not" => (object)!TemplateValue.IsTrue(value),
            "-" when value is double number => -number,
            "-" => -TemplateValue.ToLong(value),
            _ => value is double ? value : TemplateValue.ToLong(value),
        };
    }

    private object? RunBinary(Binary binary, TemplateScope scope)
    {
        var left = Evaluate(binary.Left, scope);
        if (binary.Operator == "and")
            return TemplateValue.IsTrue(left) ? Evaluate(binary.Right, scope) : left;
        if (binary.Operator == "or")
            return TemplateValue.IsTrue(left) ? left : Evaluate(binary.Right, scope);
        var right = Evaluate(binary.Right, scope);
        switch (binary.Operator)
        {
            case "~":
                return TemplateBudget.Checked(TemplateValue.ToText(left) + TemplateValue.ToText(right));
            case "+" when left is string a && right is string b:
                return TemplateBudget.Checked(a + b);
            case "+" when left is List<object?> a && right is List<object?> b:
                return a.Count + b.Count <= TemplateBudget.MaxItems ? a.Concat(b).ToList() : throw new FormatException("a list is too long");
            case "*" when left is string text && right is long times:
                return Repeat(text, times);
            case "*" when left is long times && right is string text:
                return Repeat(text, times);
        }
        if (!TemplateValue.IsNumber(left) || !TemplateValue.IsNumber(right))
            throw new FormatException($"'{binary.Operator}' cannot join {TemplateValue.KindOf(left)} and {TemplateValue.KindOf(right)}");
        return Calculate(binary.Operator, left, right);
    }

    private static string Repeat(string text, long times)
    {
        TemplateBudget.CheckLength(text.Length * Math.Clamp(times, 0, 1L << 30));
        return string.Concat(Enumerable.Repeat(text, (int)Math.Max(0, times)));
    }

    private static object Calculate(string op, object? left, object? right)
    {
        if (op is "/" or "//" or "%" && TemplateValue.ToDouble(right) == 0)
            throw new FormatException("a division by zero");
        if (op == "/" || left is double || right is double)
        {
            var (a, b) = (TemplateValue.ToDouble(left), TemplateValue.ToDouble(right));
            return op switch { "+" => a + b, "-" => a - b, "*" => a * b, "/" => a / b, "//" => Math.Floor(a / b), "%" => a - (b * Math.Floor(a / b)), _ => Math.Pow(a, b) };
        }
        var (x, y) = (TemplateValue.ToLong(left), TemplateValue.ToLong(right));
        try
        {
            checked
            {
                return op switch { "+" => (object)(x + y), "-" => x - y, "*" => x * y, "//" => FloorDivide(x, y), "%" => x - (y * FloorDivide(x, y)), _ => Power(x, y) };
            }
        }
        catch (OverflowException)
        {
            throw new FormatException("a number is too large");
        }
    }

    private static long FloorDivide(long x, long y) => checked((x / y) - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0));

    private static object Power(long x, long y)
    {
        if (y < 0)
            return Math.Pow(x, y);
        var result = 1L;
        for (var i = 0L; i < y; i++)
        {
            result = checked(result * x);
            if (i > 64 && x is 0 or 1 or -1)
                return x == -1 && y % 2 == 0 ? 1L : x;
        }
        return result;
    }

    private bool RunComparison(Comparison comparison, TemplateScope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (op, operand) in comparison.Rest)
        {
            var right = Evaluate(operand, scope);
            var holds = op switch
            {
                "==" => TemplateValue.AreEqual(left, right),
                "!=" => !TemplateValue.AreEqual(left, right),
                "in" => Contains(right, left),
                "not in" => !Contains(right, left),
                "<" => TemplateValue.Compare(left, right) < 0,
                "<=" => TemplateValue.Compare(left, right) <= 0,
                ">" => TemplateValue.Compare(left, right) > 0,
                _ => TemplateValue.Compare(left, right) >= 0,
            };
            if (!holds)
                return false;
            left = right;
        }
        return true;
    }

    internal static bool Contains(object? container, object? item) => container switch
    {
        string text => item is string part ? text.Contains(part, StringComparison.Ordinal) : throw new FormatException($"a text cannot contain {TemplateValue.KindOf(item)}"),
        TemplateMap map => item is string key && map.ContainsKey(key),
        List<object?> list => list.Exists(other => TemplateValue.AreEqual(item, other)),
        Undefined => false,
        _ => throw new FormatException($"'in' cannot look into {TemplateValue.KindOf(container)}"),
    };
}
