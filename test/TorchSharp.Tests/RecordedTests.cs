using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>Operators against what PyTorch 1.13 gave for the same input (data/record.py), called by name through the public API.</summary>
[TestClass]
public sealed class RecordedTests : LeakCheckedTests
{
    private static readonly JsonElement[] recorded =
        [.. JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "recorded.json"))).RootElement.EnumerateArray()];

    public static IEnumerable<object[]> Cases => recorded.Select((c, k) => new object[] { k, $"{c.GetProperty("where").GetString()}.{c.GetProperty("op").GetString()}" });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void GivesWhatPyTorchGives(int number, string name)
    {
        var c = recorded[number];
        var place = c.GetProperty("where").GetString()!;
        var op = c.GetProperty("op").GetString()!;
        var values = c.GetProperty("in").EnumerateArray().Concat(c.GetProperty("args").EnumerateArray()).ToArray();
        var type = place switch
        {
            "tensor" => typeof(Tensor),
            "static" => typeof(torch),
            "functional" => typeof(nn.functional),
            "linalg" => typeof(linalg),
            "fft" => typeof(fft),
            "special" => typeof(special),
            _ => throw new InvalidOperationException(place),
        };
        Tensor? self = null;
        if (place == "tensor")
        {
            self = Make(values[0]);
            values = values[1..];
        }
        var found = type.GetMethods(BindingFlags.Public | (self is null ? BindingFlags.Static : BindingFlags.Instance))
            .Where(m => m.Name == op && !m.IsGenericMethod)
            .Select(m => (method: m, args: Bind(m.GetParameters(), values)))
            .Where(m => m.args is not null).OrderByDescending(m => m.args!.Value.score).FirstOrDefault();
        Assert.IsNotNull(found.method, $"no overload of {name} takes these arguments");
        object? result;
        try
        {
            result = found.method.Invoke(self, found.args!.Value.values);
        }
        catch (TargetInvocationException e)
        {
            throw new InvalidOperationException($"{name}: {e.InnerException!.Message}", e.InnerException);
        }
        Compare(c.GetProperty("out"), result, name);
    }

    // The arguments for these parameters, with a score for how exactly they fit; null if they do not.
    private static (object?[] values, int score)? Bind(ParameterInfo[] parameters, JsonElement[] values)
    {
        if (values.Length > parameters.Length) return null;
        var bound = new object?[parameters.Length];
        int score = 0;
        for (int k = 0; k < parameters.Length; k++)
        {
            var type = parameters[k].ParameterType;
            if (type.IsByRefLike || type.IsByRef) return null;
            if (k >= values.Length)
            {
                if (parameters[k].IsOptional) bound[k] = parameters[k].DefaultValue is DBNull ? null : parameters[k].DefaultValue;
                else if (parameters[k].IsDefined(typeof(ParamArrayAttribute))) return null;
                else return null;
                if (type.IsEnum && bound[k] is not null) bound[k] = Enum.ToObject(type, bound[k]!);
                continue;
            }
            var (value, fit) = Convert(values[k], Nullable.GetUnderlyingType(type) ?? type);
            if (fit == 0) return null;
            bound[k] = value;
            score += fit * 10;
        }
        return (bound, score - parameters.Length);
    }

    private static (object? value, int fit) Convert(JsonElement v, Type type)
    {
        switch (v.ValueKind)
        {
            case JsonValueKind.Object: return type == typeof(Tensor) ? (Make(v), 3) : (null, 0);
            case JsonValueKind.True or JsonValueKind.False: return type == typeof(bool) ? (v.GetBoolean(), 3) : (null, 0);
            case JsonValueKind.String: return type == typeof(string) ? (v.GetString(), 3) : (null, 0);
            case JsonValueKind.Number:
                bool whole = v.TryGetInt64(out long i) && !v.GetRawText().Contains('.');
                if (whole && type == typeof(long)) return (i, 4);
                if (whole && type == typeof(int)) return ((int)i, 4);
                if (type == typeof(double)) return (v.GetDouble(), 3);
                if (type == typeof(float)) return ((float)v.GetDouble(), 3);
                if (type == typeof(Scalar)) return (whole ? (Scalar)i : (Scalar)v.GetDouble(), 2);
                return (null, 0);
            case JsonValueKind.Array:
                bool tensors = v.GetArrayLength() > 0 && v[0].ValueKind == JsonValueKind.Object;
                if (tensors && type.IsAssignableFrom(typeof(Tensor[]))) return (v.EnumerateArray().Select(Make).ToArray(), 3);
                if (!tensors && type == typeof(long[])) return (v.EnumerateArray().Select(e => e.GetInt64()).ToArray(), 3);
                return (null, 0);
            default: return (null, 0);
        }
    }

    private static double Number(JsonElement e) => e.ValueKind switch
    {
        JsonValueKind.String => e.GetString() switch { "inf" => double.PositiveInfinity, "-inf" => double.NegativeInfinity, _ => double.NaN },
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => e.GetDouble(),
    };

    private static Tensor Make(JsonElement e)
    {
        var shape = e.GetProperty("t").EnumerateArray().Select(s => s.GetInt64()).ToArray();
        using var flat = tensor(e.GetProperty("v").EnumerateArray().Select(Number).ToArray());
        var dtype = Type(e.GetProperty("d").GetString()!);
        if (!is_complex(dtype)) return flat.reshape(shape).to(dtype);
        return flat.to(ScalarType.Float32).reshape([.. shape, 2]).view_as_complex();
    }

    private static ScalarType Type(string name) => name switch
    {
        "float32" => ScalarType.Float32,
        "float64" => ScalarType.Float64,
        "int64" => ScalarType.Int64,
        "int32" => ScalarType.Int32,
        "bool" => ScalarType.Bool,
        "complex64" => ScalarType.ComplexFloat32,
        _ => throw new InvalidOperationException(name),
    };

    private static void Compare(JsonElement expected, object? actual, string name)
    {
        if (expected.ValueKind == JsonValueKind.Array)
        {
            object?[] parts = actual switch
            {
                ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(k => tuple[k])],
                IEnumerable list => [.. list.Cast<object?>()],
                _ => throw new AssertFailedException($"{name} gave {actual?.GetType().Name}, not several results"),
            };
            Assert.AreEqual(expected.GetArrayLength(), parts.Length, $"{name}: number of results");
            for (int k = 0; k < parts.Length; k++) Compare(expected[k], parts[k], $"{name}, result {k}");
            return;
        }
        if (expected.ValueKind != JsonValueKind.Object)
        {
            Assert.AreEqual(Number(expected), System.Convert.ToDouble(actual), 1e-6, name);
            return;
        }
        var t = (Tensor)actual!;
        Assert.AreEqual(Type(expected.GetProperty("d").GetString()!), t.dtype, $"{name}: type");
        CollectionAssert.AreEqual(expected.GetProperty("t").EnumerateArray().Select(s => s.GetInt64()).ToArray(), t.shape, $"{name}: shape");
        using var plain = t.is_complex() ? t.resolve_conj().view_as_real() : t.alias();
        var values = plain.to(ScalarType.Float64).contiguous().data<double>().ToArray();
        var wanted = expected.GetProperty("v").EnumerateArray().Select(Number).ToArray();
        for (int k = 0; k < values.Length; k++)
        {
            if (values[k].Equals(wanted[k])) continue;
            Assert.AreEqual(wanted[k], values[k], 1e-5 + 1e-4 * Math.Abs(wanted[k]), $"{name}: element {k}");
        }
    }
}
