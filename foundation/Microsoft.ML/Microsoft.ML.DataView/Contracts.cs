namespace Microsoft.ML.Runtime;

/// <summary>Argument checks and the exceptions of this library, worded in one place.</summary>
internal static class Contracts
{
    public static void CheckValue<T>(T value, string name) where T : class
    {
        if (value is null)
            throw ExceptValue(name);
    }

    public static void CheckNonEmpty(string value, string name)
    {
        if (string.IsNullOrEmpty(value))
            throw ExceptEmpty(name);
    }

    public static void CheckParam(bool condition, string name, string message)
    {
        if (!condition)
            throw ExceptParam(name, message);
    }

    public static void CheckParam(bool condition, string name)
    {
        if (!condition)
            throw new ArgumentOutOfRangeException(name);
    }

    public static void Check(bool condition)
    {
        if (!condition)
            throw new InvalidOperationException();
    }

    public static void Check(bool condition, string message)
    {
        if (!condition)
            throw Except(message);
    }

    public static void CheckDecode(bool condition, string message = "Corrupt model file")
    {
        if (!condition)
            throw ExceptDecode(message);
    }

    public static Exception ExceptValue(string name) => new ArgumentNullException(name);

    public static Exception ExceptEmpty(string name) => new ArgumentOutOfRangeException(name, $"{name} cannot be null or empty");

    public static Exception ExceptParam(string name, string message) => new ArgumentOutOfRangeException(name, message);

    public static Exception Except(string message) => new InvalidOperationException(message);

    public static Exception Except(Exception inner, string message) => new InvalidOperationException(message, inner);

    public static Exception ExceptDecode(string message = "Corrupt model file") => new FormatException(message);

    public static Exception ExceptNotSupp(string message) => new NotSupportedException(message);

    public static Exception ExceptSchemaMismatch(string param, string role, string column) =>
        new ArgumentOutOfRangeException(param, $"Could not find {role} column '{column}'");

    public static Exception ExceptSchemaMismatch(string param, string role, string column, string expected, string actual) =>
        new ArgumentOutOfRangeException(param, $"Schema mismatch for {role} column '{column}': expected {expected}, got {actual}");
}
